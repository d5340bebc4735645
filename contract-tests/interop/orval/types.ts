import { expectTypeOf } from "expect-type";

import type { createTask, getTask, listTasks, NewTask, Problem, Task, TaskPatch, ValidationProblem } from "./generated";

expectTypeOf<Task["description"]>().toEqualTypeOf<string | null>();
expectTypeOf<Task["completed"]>().toEqualTypeOf<boolean>();
expectTypeOf<Task["id"]>().toEqualTypeOf<number>();
expectTypeOf<Task["title"]>().toEqualTypeOf<string>();
expectTypeOf<Task["created_at"]>().toEqualTypeOf<string>();
// All fields are required.
expectTypeOf<Required<Task>>().toEqualTypeOf<Task>();

expectTypeOf<{ title: string }>().toExtend<NewTask>();
expectTypeOf<{}>().not.toExtend<NewTask>();
expectTypeOf<{ title: string; completed: null }>().not.toExtend<NewTask>();
expectTypeOf<{ description: null }>().toExtend<TaskPatch>();
expectTypeOf<{ title: null }>().not.toExtend<TaskPatch>();

/** What comes with a status. */
type With<Ask extends (...given: never[]) => Promise<unknown>, Status> =
  Extract<Awaited<ReturnType<Ask>>, { status: Status }> extends { data: infer Data } ? Data : never;

expectTypeOf<With<typeof listTasks, 200>>().toEqualTypeOf<Task[]>();
expectTypeOf<With<typeof createTask, 201>>().toEqualTypeOf<Task>();
expectTypeOf<With<typeof listTasks, 401>>().toEqualTypeOf<Problem>();
expectTypeOf<With<typeof getTask, 404>>().toEqualTypeOf<Problem>();
expectTypeOf<With<typeof createTask, 422>>().toEqualTypeOf<ValidationProblem>();
// Whatever is no success is a problem.
expectTypeOf<Exclude<Awaited<ReturnType<typeof createTask>>, { status: 201 }>["data"]>().toExtend<Problem>();
expectTypeOf<ValidationProblem["errors"][number]["detail"]>().toEqualTypeOf<string>();
