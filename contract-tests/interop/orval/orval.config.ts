import { defineConfig } from "orval";

export default defineConfig({
  todo: {
    input: `${process.env.BASE_URL}/openapi.json`,
    output: { target: "generated.ts", client: "fetch", baseUrl: process.env.BASE_URL },
  },
});
