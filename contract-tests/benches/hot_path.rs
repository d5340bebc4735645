//! What the road of a request costs us, without database and socket: the token, the parameters, the problems
//! that might be, the headers, the answer as bytes, and the line in the log, which is written and thrown away.

use criterion::{Criterion, criterion_group, criterion_main};
use poem::http::Method;
use todo_contract_tests::HotPath;
use tokio::runtime::Builder;

fn operations(criterion: &mut Criterion) {
    tracing_subscriber::fmt().with_writer(std::io::sink).with_target(false).with_ansi(false).init();
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let path = runtime.block_on(async { HotPath::over(50) });
    let operations = [
        ("getTask", Method::GET, "/api/tasks/42", ""),
        ("listTasks of 50", Method::GET, "/api/tasks", ""),
        ("createTask", Method::POST, "/api/tasks", r#"{"title":"Buy milk"}"#),
        ("updateTask", Method::PUT, "/api/tasks/42", r#"{"title":"Buy oat milk"}"#),
        ("toggleTaskCompletion", Method::PATCH, "/api/tasks/42/complete", ""),
        ("health", Method::GET, "/api/health", ""),
    ];
    for (name, method, at, body) in operations {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(path.answer(path.request(method.clone(), at, body))));
        });
    }
}

criterion_group!(benches, operations);
criterion_main!(benches);
