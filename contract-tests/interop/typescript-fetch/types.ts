import { expectTypeOf } from "expect-type";

import type {
  NewTask,
  Problem,
  ProblemFromJSON,
  Task,
  TaskPatch,
  TasksApi,
  ValidationProblem,
  ValidationProblemFromJSON,
} from "./generated";

expectTypeOf<Task["description"]>().toEqualTypeOf<string | null>();
expectTypeOf<Task["completed"]>().toEqualTypeOf<boolean>();
expectTypeOf<Task["id"]>().toEqualTypeOf<number>();
expectTypeOf<Task["title"]>().toEqualTypeOf<string>();
expectTypeOf<Task["createdAt"]>().toEqualTypeOf<Date>();
// All fields are required.
expectTypeOf<Required<Task>>().toEqualTypeOf<Task>();

expectTypeOf<{ title: string }>().toExtend<NewTask>();
expectTypeOf<{}>().not.toExtend<NewTask>();
expectTypeOf<{ title: string; completed: null }>().not.toExtend<NewTask>();
expectTypeOf<{ description: null }>().toExtend<TaskPatch>();
expectTypeOf<{ title: null }>().not.toExtend<TaskPatch>();

expectTypeOf<ReturnType<TasksApi["listTasks"]>>().toEqualTypeOf<Promise<Task[]>>();
expectTypeOf<ReturnType<TasksApi["createTask"]>>().toEqualTypeOf<Promise<Task>>();
expectTypeOf<ReturnType<TasksApi["deleteTask"]>>().toEqualTypeOf<Promise<void>>();
// This generator throws the response; its body is read by the models of the problems.
expectTypeOf<ReturnType<typeof ProblemFromJSON>>().toEqualTypeOf<Problem>();
expectTypeOf<ReturnType<typeof ValidationProblemFromJSON>>().toEqualTypeOf<ValidationProblem>();
expectTypeOf<Problem["detail"]>().toEqualTypeOf<string>();
expectTypeOf<ValidationProblem["errors"][number]["detail"]>().toEqualTypeOf<string>();
