//! What it costs to have PostgreSQL itself keep users apart: `DATABASE_RLS`, off and on, side by side.
//!
//! One client of one user with 50 tasks, on a database of the same machine; with one that is further away, each
//! of these operations waits for three round trips more. Of each operation, off comes right before on.

use criterion::{Criterion, criterion_group, criterion_main};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use todo_contract_tests::{
    Engine::{Guarded, Postgres},
    ServerProcess, TestDatabase, Token, given,
};
use tokio::runtime::Runtime;

async fn done(request: RequestBuilder) {
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.bytes().await.expect("a body");
}

fn operations(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let token = Token::of("ann").encode();
    let servers = [("off", Postgres), ("on", Guarded)].map(|(name, engine)| {
        let database = runtime.block_on(TestDatabase::create(engine));
        let variables = database.variables();
        // A remembered list would ask the database less than what is measured.
        let server = ServerProcess::start(&[given(&variables), vec![("LIST_CACHE", "0")]].concat());
        let address = server.address();
        let id = runtime.block_on(async {
            let id = ServerProcess::client(address, "ann").created("the first").await;
            database.fill("ann", 50).await;
            id
        });
        (name, address, id, server, database)
    });
    let client = Client::new();
    for operation in ["getTask", "listTasks", "createTask"] {
        let mut group = criterion.benchmark_group(operation);
        for (name, address, id, ..) in &servers {
            let tasks = format!("http://{address}/api/tasks");
            group.bench_function(*name, |bencher| {
                bencher.iter(|| {
                    let request = match operation {
                        "getTask" => client.get(format!("{tasks}/{id}")),
                        "listTasks" => client.get(format!("{tasks}?limit=50")),
                        _ => client.post(&tasks).json(&json!({"title": "another"})),
                    };
                    runtime.block_on(done(request.bearer_auth(&token)));
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = operations
}
criterion_main!(benches);
