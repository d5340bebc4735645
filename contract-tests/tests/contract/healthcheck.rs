//! The server's health, asked from beside it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread,
};

use todo_contract_tests::ServerProcess;

fn check(host: &str, port: u16) -> (Option<i32>, String) {
    let ended = ServerProcess::run(&["healthcheck"], &[("HOST", host), ("PORT", &port.to_string())]);
    (ended.code, ended.said)
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

#[test]
fn who_answers_otherwise_is_not_healthy() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody asks");
        let lines = BufReader::new(&stream).lines().map_while(Result::ok);
        // The whole head: what is left unread would cut the connection before the answer is read.
        let head = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>();
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").expect("it is taken");
        head
    });
    let (code, said) = check("127.0.0.1", port);
    assert_eq!(code, Some(1));
    assert!(said.contains("it answers 503"), "{said}");
    let head = asked.join().expect("it is asked");
    assert_eq!(head.first().map(String::as_str), Some("GET /api/health HTTP/1.1"));
}
