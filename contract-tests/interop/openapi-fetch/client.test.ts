import createClient from "openapi-fetch";

import type { Client } from "../scenario/contract.js";
import { base, scenario } from "../scenario/scenario.js";
import type { paths } from "./generated.js";

scenario((token): Client => {
  const client = createClient<paths>({
    baseUrl: base,
    headers: token ? { Authorization: `Bearer ${token}` } : {},
  });
  const answer = async <T, P>(asked: Promise<{ data?: T; error?: P; response: Response }>) => {
    const { data, error, response } = await asked;
    return { status: response.status, data, problem: error, link: response.headers.get("link") };
  };
  const at = (id: number) => ({ params: { path: { id } } });
  return {
    list: (page) => answer(client.GET("/api/tasks", { params: { query: page } })),
    create: (body) => answer(client.POST("/api/tasks", { body })),
    get: (id) => answer(client.GET("/api/tasks/{id}", at(id))),
    update: (id, body) => answer(client.PUT("/api/tasks/{id}", { ...at(id), body })),
    toggle: (id) => answer(client.PATCH("/api/tasks/{id}/complete", at(id))),
    delete: (id) => answer(client.DELETE("/api/tasks/{id}", at(id))),
  };
});
