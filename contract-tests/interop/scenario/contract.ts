// What a frontend developer expects of every client: the contract in types, written by hand.

export interface Task {
  id: number;
  user_id: string;
  title: string;
  description: string | null;
  completed: boolean;
  /** Some generators make dates of them. */
  created_at: string | Date;
  updated_at: string | Date;
}

export interface NewTask {
  title: string;
  description?: string | null;
  completed?: boolean;
}

export type TaskPatch = Partial<NewTask>;

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  request_id: string;
}

export interface Fault {
  pointer?: string;
  parameter?: string;
  detail: string;
}

export interface ValidationProblem extends Problem {
  errors: Fault[];
}

/** What came back: the data of a success, or the problem. */
export interface Answer<T> {
  status: number;
  data?: T;
  problem?: Problem | ValidationProblem;
  /** Of a page: the header `Link`. */
  link?: string | null;
}

/** Which page, as the document's parameters say it. */
export interface Page {
  limit?: number;
  cursor?: string;
}

/** The six operations, as a generated client does them. */
export interface Client {
  list(page?: Page): Promise<Answer<Task[]>>;
  create(task: NewTask): Promise<Answer<Task>>;
  get(id: number): Promise<Answer<Task>>;
  update(id: number, patch: TaskPatch): Promise<Answer<Task>>;
  toggle(id: number): Promise<Answer<Task>>;
  delete(id: number): Promise<Answer<unknown>>;
}
