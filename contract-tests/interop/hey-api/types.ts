import { expectTypeOf } from "expect-type";

import type {
  CreateTaskErrors,
  CreateTaskResponses,
  GetTaskErrors,
  ListTasksErrors,
  ListTasksResponses,
  NewTask,
  Problem,
  Task,
  TaskPatch,
  ValidationProblem,
} from "./generated";

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

expectTypeOf<ListTasksResponses[200]>().toEqualTypeOf<Task[]>();
expectTypeOf<CreateTaskResponses[201]>().toEqualTypeOf<Task>();
expectTypeOf<ListTasksErrors[401]>().toEqualTypeOf<Problem>();
expectTypeOf<GetTaskErrors[404]>().toEqualTypeOf<Problem>();
expectTypeOf<CreateTaskErrors[422]>().toEqualTypeOf<ValidationProblem>();
expectTypeOf<ValidationProblem["errors"][number]["detail"]>().toEqualTypeOf<string>();
