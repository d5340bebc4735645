//! The server's health, asked from beside it.

use std::net::TcpListener;

use todo_contract_tests::ServerProcess;

fn check(host: &str, port: u16) -> (Option<i32>, String) {
    let output = ServerProcess::run(&["healthcheck"], &[("HOST", host), ("PORT", &port.to_string())]);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_serves_is_healthy() {
    let server = ServerProcess::start(&[]);
    let port = server.address().port();
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        assert_eq!(check(host, port), (Some(0), String::new()));
    }
}

#[test]
fn where_nothing_listens_nothing_is_healthy() {
    let (code, said) = check("127.0.0.1", 1);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("nothing serves at 127.0.0.1 port 1: Connection refused"), "{said}");
    assert!(said.ends_with("; does the server run, and with this HOST and PORT?\n"), "{said}");
}

#[test]
fn a_port_that_nobody_knows_is_not_asked() {
    let (code, said) = check("127.0.0.1", 0);
    assert_eq!(code, Some(1));
    assert!(said.contains("port 0: PORT takes any that is free; set it"), "{said}");
}

#[test]
fn who_does_not_answer_is_not_healthy() {
    // It accepts, by its queue, and says nothing.
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let (code, said) = check("127.0.0.1", listener.local_addr().expect("an address").port());
    assert_eq!(code, Some(1));
    assert!(said.contains("no answer within 2 s"), "{said}");
}
