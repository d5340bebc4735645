//! Goes the road of a request so often: `hot_path OPERATION TIMES`, for profilers (`contract-tests/instructions.sh`).

use todo_contract_tests::HotPath;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (operation, times) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let named = HotPath::REQUESTS.into_iter().find(|asked| asked.operation == operation);
    let asked = named.expect("an operation, such as getTask");
    let path = HotPath::start();
    for _ in 0..times.parse().expect("how often") {
        path.answer(asked).await;
    }
}
