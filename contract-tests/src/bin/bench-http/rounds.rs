//! The order of things: the servers take turns, and turns at being the first (A B C, B C A), so that what the machine
//! does meanwhile happens to all alike.

use std::time::Duration;

use tempfile::TempDir;
use todo_contract_tests::temporary_folder;

use crate::{
    data::{Data, users},
    engine::Engine,
    goals,
    load::Load,
    measure::{Measure, measure},
    results::{Cell, Results},
    sameness::Answers,
    server::{Contender, Server},
    settings::Settings,
    table,
    work::Work,
};

/// How long a server is asked before it is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// Servers over their data.
struct Stage {
    data: Data,
    load: Load,
    places: Vec<Place>,
    logs: TempDir,
    first_answers: Vec<Duration>,
}

/// A server's place.
struct Place {
    contender: Contender,
    /// PostgreSQL's serve all the time; a file is served anew each time, since nobody else may change it
    /// beneath a server.
    server: Option<Server>,
    /// Whether its data are not as they were made.
    is_changed: bool,
}

/// Measures everything on one engine.
pub(crate) async fn run(engine: Engine, settings: &Settings) -> Result<Results, String> {
    let default = || Contender::of(engine).iter().map(|name| (*name).to_owned()).collect();
    let specs = settings.servers.clone().unwrap_or_else(default);
    let contenders = specs.iter().map(|spec| spec.parse()).collect::<Result<Vec<Contender>, _>>()?;
    let mut stage = Stage::set(engine, contenders, settings).await?;
    let mut cells = Vec::new();
    println!("{}", table::heading(engine));
    let works = settings.works.clone().unwrap_or_else(|| {
        let is_asked_for = |work: &Work| settings.servers.is_some() || goals::throughput(engine, *work, 100).is_some();
        Work::ALL.into_iter().filter(is_asked_for).collect()
    });
    for work in works {
        for &connections in settings.connections.as_deref().unwrap_or(goals::connections(engine)) {
            let mut cell = Cell { work, connections, measures: vec![Vec::new(); specs.len()] };
            for round in 0..settings.rounds {
                for turn in 0..specs.len() {
                    let place = (round + turn) % specs.len();
                    let mut measured = stage.turn(place, work, connections, round == 0, settings).await;
                    // Of ours no answer may fail; a peer's is no reason to throw away what all others did.
                    if let Some(words) = measured.as_ref().err().filter(|_| place > 0) {
                        eprintln!("bench-http: {words}; started and measured once more");
                        stage.places[place].server = None;
                        measured = stage.turn(place, work, connections, round == 0, settings).await;
                    }
                    cell.measures[place].push(measured?);
                }
            }
            print!("{}", table::rows(&cell, &specs, engine));
            cells.push(cell);
        }
    }
    for server in stage.places.iter_mut().filter_map(|place| place.server.take()) {
        server.end().await?;
    }
    let starts = stage.first_answers.iter().map(|start| start.as_secs_f64() * 1e3).collect();
    Ok(Results { engine, database: stage.data.describe(), servers: specs, cells, starts })
}

impl Stage {
    async fn set(engine: Engine, contenders: Vec<Contender>, settings: &Settings) -> Result<Self, String> {
        let (data, users) = (Data::new(engine), users(settings));
        let mut answers: Option<Answers> = None;
        let mut stage = Self {
            load: Load::new(&users, settings),
            data,
            places: Vec::new(),
            logs: temporary_folder(),
            first_answers: Vec::new(),
        };
        for (place, contender) in contenders.into_iter().enumerate() {
            stage.data.make(place, &contender, &users, settings).await?;
            stage.places.push(Place { contender, server: None, is_changed: stage.data.is_embedded() });
            let server = stage.ready(place, settings).await?;
            let given = Answers::of(server, &users, settings.tasks_of_each()).await?;
            stage.places[place].is_changed = true;
            if answers.get_or_insert_with(|| given.clone()) != &given {
                return Err(format!("servers answer otherwise: {given:?} and not {answers:?}"));
            }
        }
        Ok(stage)
    }

    /// One server's turn.
    async fn turn(
        &mut self,
        place: usize,
        work: Work,
        connections: usize,
        is_first: bool,
        settings: &Settings,
    ) -> Result<Measure, String> {
        // Whoever failed is started anew, as on a file everybody is each time.
        let is_cold = is_first || self.data.is_embedded() || self.places[place].server.is_none();
        self.ready(place, settings).await?;
        self.places[place].is_changed = work.writes();
        let server = self.places[place].server.as_ref().ok_or("it runs")?;
        if is_cold {
            let seen = self.load.put_on(server.port, work, connections, WARM_UP, false).await?;
            seen.checked(work, connections).map_err(|words| server.complaint(&words))?;
        }
        let measured = measure(server, &self.data, &self.load, work, connections, settings).await?;
        if !self.data.is_embedded() {
            // Now, so that what PostgreSQL does about rows that are gone falls into nobody else's turn.
            self.restore(place, settings).await?;
        }
        Ok(measured)
    }

    /// Has a server's data as they were made.
    async fn restore(&mut self, place: usize, settings: &Settings) -> Result<(), String> {
        if self.places[place].is_changed {
            self.data.restore(place, settings).await?;
            self.places[place].is_changed = false;
        }
        Ok(())
    }

    /// Has a server run over data as they were made.
    async fn ready(&mut self, number: usize, settings: &Settings) -> Result<&Server, String> {
        if self.data.is_embedded()
            && let Some(server) = self.places[number].server.take()
        {
            server.end().await?;
            self.places[number].is_changed = true;
        }
        self.restore(number, settings).await?;
        let place = &mut self.places[number];
        let server = match place.server.take() {
            Some(server) => server,
            None => place.contender.start(&self.data.url(number), self.logs.path()).await?,
        };
        if number == 0 && self.data.is_embedded() {
            self.first_answers.push(server.first_answer);
        }
        Ok(place.server.insert(server))
    }
}
