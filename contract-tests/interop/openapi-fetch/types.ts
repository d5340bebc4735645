import { expectTypeOf } from "expect-type";
import createClient from "openapi-fetch";

import type { components, operations, paths } from "./generated.js";

type Schemas = components["schemas"];
type Task = Schemas["Task"];

expectTypeOf<Task["description"]>().toEqualTypeOf<string | null>();
expectTypeOf<Task["completed"]>().toEqualTypeOf<boolean>();
expectTypeOf<Task["id"]>().toEqualTypeOf<number>();
expectTypeOf<Task["title"]>().toEqualTypeOf<string>();
expectTypeOf<Task["created_at"]>().toEqualTypeOf<string>();
// Required: not even `undefined` may be left out.
expectTypeOf<Required<Task>>().toEqualTypeOf<Task>();

expectTypeOf<{ title: string }>().toExtend<Schemas["NewTask"]>();
expectTypeOf<{}>().not.toExtend<Schemas["NewTask"]>();
expectTypeOf<{ title: string; completed: null }>().not.toExtend<Schemas["NewTask"]>();
expectTypeOf<{ description: null }>().toExtend<Schemas["TaskPatch"]>();
expectTypeOf<{ title: null }>().not.toExtend<Schemas["TaskPatch"]>();

type Problems<Name extends keyof operations, Status extends keyof operations[Name]["responses"]> =
  operations[Name]["responses"][Status] extends { content: { "application/problem+json": infer P } } ? P : never;

expectTypeOf<Problems<"listTasks", 401>>().toEqualTypeOf<Schemas["Problem"]>();
expectTypeOf<Problems<"getTask", 404>>().toEqualTypeOf<Schemas["Problem"]>();
expectTypeOf<Problems<"createTask", 422>>().toEqualTypeOf<Schemas["ValidationProblem"]>();
expectTypeOf<Schemas["ValidationProblem"]["errors"][number]["detail"]>().toEqualTypeOf<string>();

const client = createClient<paths>();
type Created = Awaited<ReturnType<typeof create>>;
const create = () => client.POST("/api/tasks", { body: { title: "x" } });
expectTypeOf<NonNullable<Created["data"]>>().toEqualTypeOf<Task>();
expectTypeOf<NonNullable<Created["error"]>>().toEqualTypeOf<Schemas["Problem"] | Schemas["ValidationProblem"]>();
