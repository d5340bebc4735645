//! What is measured: `NAME=value` arguments, as `make bench-http` passes them on. Empty ones count as not given.

use std::{str::FromStr, time::Duration};

use crate::{engine::Engine, work::Work};

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) engines: Vec<Engine>,
    /// None: those that there is a goal for; all, where servers are named.
    pub(crate) works: Option<Vec<Work>>,
    /// None: those that the goals speak of.
    pub(crate) connections: Option<Vec<usize>>,
    /// The first is measured against the strongest of the others. None: ours and the engine's peers.
    pub(crate) servers: Option<Vec<String>>,
    pub(crate) rounds: usize,
    pub(crate) duration: Duration,
    pub(crate) users: usize,
    pub(crate) tasks: usize,
    /// Connections that are held open beside the active ones.
    pub(crate) idle: usize,
    pub(crate) publish: bool,
}

impl Settings {
    /// Reads arguments.
    ///
    /// # Errors
    ///
    /// What is wrong, where something is.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut settings = Self {
            engines: vec![Engine::Postgres, Engine::Sqlite],
            works: None,
            connections: None,
            servers: None,
            rounds: 3,
            duration: Duration::from_secs(8),
            users: 1_000,
            tasks: 50_000,
            idle: 0,
            publish: false,
        };
        for argument in arguments {
            let (name, value) = argument.split_once('=').ok_or(format!("{argument:?} is not NAME=value"))?;
            if value.trim().is_empty() {
                continue;
            }
            match name {
                "DATABASE" => settings.engines = list(name, value)?,
                "WORK" => settings.works = Some(list(name, value)?),
                "CONNECTIONS" => settings.connections = Some(list(name, value)?),
                "SERVERS" => settings.servers = Some(list(name, value)?),
                "ROUNDS" => settings.rounds = number(name, value)?,
                "DURATION" => settings.duration = Duration::from_secs(number(name, value)? as u64),
                "USERS" => settings.users = number(name, value)?,
                "TASKS" => settings.tasks = number(name, value)?,
                "IDLE" => settings.idle = value.parse().map_err(|_| format!("{name}={value} is no number"))?,
                "PUBLISH" if value != "1" => return Err(format!("{name}={value} is not 1")),
                "PUBLISH" => settings.publish = true,
                _ => return Err(format!("there is no parameter {name}")),
            }
        }
        if settings.tasks < settings.users * 5 || !settings.tasks.is_multiple_of(settings.users) {
            return Err("TASKS must be a multiple of USERS, 5 times as many at least".to_owned());
        }
        if settings.publish && (settings.engines.len() < 2 || !settings.is_whole()) {
            return Err(
                "PUBLISH writes the page of all that there is a goal for; measure parts of it without".to_owned()
            );
        }
        Ok(settings)
    }

    /// Whether all that there is a goal for is measured, as the goals say.
    fn is_whole(&self) -> bool {
        self.works.is_none() && self.connections.is_none() && self.servers.is_none() && self.idle == 0
    }

    pub(crate) fn tasks_of_each(&self) -> usize {
        self.tasks / self.users
    }
}

fn list<T: FromStr<Err: ToString>>(name: &str, value: &str) -> Result<Vec<T>, String> {
    let items = value.split_whitespace().map(str::parse);
    items.collect::<Result<_, _>>().map_err(|error: T::Err| format!("{name}={value}: {}", error.to_string()))
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("{name}={value} is no number above 0"))
}
