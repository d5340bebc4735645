//! How each operation is asked so that it does what it is for.

use serde_json::{Value, json};

use crate::Operation;

impl Operation {
    /// A good request of it: the path, for the task of that id where it takes one, and the body, where it takes one.
    ///
    /// # Panics
    ///
    /// Where the operation is new: say here how it is asked.
    #[must_use]
    pub fn good(&self, id: i64) -> (String, Option<Value>) {
        let (query, body) = match self.id.as_str() {
            "createTask" | "updateTask" => ("", Some(json!({"title": "a"}))),
            "completeAllTasks" => ("", Some(json!({"completed": true}))),
            "deleteCompletedTasks" => ("?completed=true", None),
            "listTasks" | "getTask" | "toggleTaskCompletion" | "deleteTask" | "getHealth" | "getReadiness" => {
                ("", None)
            }
            other => panic!("{other} is new: say here how it is asked"),
        };
        (self.path.replace("{id}", &id.to_string()) + query, body)
    }
}
