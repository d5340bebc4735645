//! What the road of a request costs us, without database and socket: the token, the parameters, the problems
//! that might be, the headers, the answer as bytes, and the line in the log, which is written and thrown away.

use criterion::{Criterion, criterion_group, criterion_main};
use todo_contract_tests::HotPath;
use tokio::runtime::Builder;

fn operations(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let path = runtime.block_on(async { HotPath::start() });
    for asked in HotPath::REQUESTS {
        criterion.bench_function(asked.operation, |bencher| bencher.iter(|| runtime.block_on(path.answer(asked))));
    }
}

criterion_group!(benches, operations);
criterion_main!(benches);
