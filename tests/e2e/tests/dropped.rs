//! Clients that reset their connection while the Worker waits for KV: nothing of their requests stays in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and has no host that gives it the time"
)]

use std::collections::{BTreeMap, HashSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgemint_e2e::{Bare, comes_true, comes_true_within, note, send};
use edgemint_testkit::{Answer, cast, signing_key};

const SECRET: &str = "ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG";

/// The number of connections that are open at a time.
const AT_ONCE: usize = 250;

/// The number of requests in a round.
const DROPPED: usize = 5_000;

/// The number of rounds in which the memory of the process may reach its steady size.
const ROUNDS: usize = 4;

/// The time after a round in which workerd gives memory back.
const GIVEN_BACK: Duration = Duration::from_secs(30);

/// Longer than any header that the issuer reads, and about the longest that workerd accepts.
const LONG: usize = 60_000;

fn serve() -> Bare {
    let key = signing_key("ES256", &[]);
    let variables = [
        ("ISSUER", "https://tokens.example.com"),
        ("GRANT_TYPES", "client_credentials"),
        ("SIGNING_KEY_A", &key),
    ];
    let variables: BTreeMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let bare = Bare::start_measured(&variables);
    for client in cast() {
        bare.put(&client.id.kv_key(), &client.to_json());
    }
    bare
}

fn token(bare: &Bare, client: &str) -> Answer {
    let form = format!("grant_type=client_credentials&client_id={client}&client_secret={SECRET}");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    send("POST", &format!("{}/token", bare.url()), &headers, form.into_bytes())
}

/// Waits until `done`.
fn wait_until(what: &str, done: impl FnMut() -> bool) {
    assert!(comes_true(done), "this did not happen: {what}");
}

/// Opens a connection and sends a complete request for a token, from an unknown client, so that the Worker reads KV.
///
/// The connection first carries another request, whose answer is never read. Closing a socket with unread data sends a
/// reset (RFC 9293 §3.10.4, RFC 2525 §2.17). Otherwise it would send a FIN, which the Worker would not notice.
fn ask(bare: &Bare, client: &str) -> TcpStream {
    ask_with(bare, client, "x")
}

/// The same with this secret.
fn ask_with(bare: &Bare, client: &str, secret: &str) -> TcpStream {
    let host = format!("Host: 127.0.0.1:{}\r\n", bare.port());
    let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
    let request = format!(
        "GET /keys HTTP/1.1\r\n{host}\r\nPOST /token HTTP/1.1\r\n{host}Accept: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        "x".repeat(LONG),
        form.len(),
    );
    let mut stream = TcpStream::connect(("127.0.0.1", bare.port())).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Opens `count` connections in groups, and resets each group when KV was called for all of it.
fn drop_requests(bare: &Bare, name: &str, count: usize) {
    let before = bare.asked();
    for first in (0..count).step_by(AT_ONCE) {
        // Limits the number of open requests so that the Worker accepts all of them, even on a fast machine.
        wait_until("most of the requests are finished", || first - logged(bare, name) <= 4 * AT_ONCE);
        let wave = first..count.min(first + AT_ONCE);
        let expected = before + u32::try_from(wave.end).unwrap();
        let streams: Vec<_> = wave.map(|n| ask(bare, &format!("{name}-{n}"))).collect();
        wait_until("KV was called for each", || bare.asked() >= expected);
        // Collects V8's garbage, which is not what the test measures.
        bare.wasm_memory();
        for stream in &streams {
            // The unread answer has arrived.
            assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
        }
    }
    wait_until("each request has its line of the log", || logged(bare, name) == count);
}

/// The number of clients with this name prefix that have a line in the log.
fn logged(bare: &Bare, name: &str) -> usize {
    let lines = bare.log();
    let begin = format!("\"client\":\"{name}-");
    let clients = lines.iter().filter_map(|line| line.split_once(&begin)?.1.split_once('"'));
    clients.map(|(number, _)| number).collect::<HashSet<_>>().len()
}

#[test]
fn five_thousand_dropped_requests_are_logged_and_leave_nothing_in_memory() {
    let bare = serve();
    bare.fault("hang");
    // The first requests bring the memory to a steady size: wasm's memory never shrinks, and workerd's heap and its
    // allocator keep what as many requests took. Their size is steady after a round or two, depending on the machine.
    // A leak makes every round larger: 5,000 times 60 KB are 293 MiB.
    drop_requests(&bare, "round-0", DROPPED);
    let mut sizes = vec![(bare.wasm_memory(), bare.memory())];
    let steady = (1..=ROUNDS).any(|round| {
        let before = sizes[round - 1];
        drop_requests(&bare, &format!("round-{round}"), DROPPED);
        let mut after = before;
        let back = comes_true_within(GIVEN_BACK, || {
            after = (bare.wasm_memory(), bare.memory());
            after.1 <= before.1 + before.1 / 10
        });
        // A future takes some KB. 5,000 leaked ones would take 15 MiB.
        assert!(
            before.0 > 0 && after.0 <= before.0 + 2 * 1024,
            "wasm: {} KiB, then {} KiB",
            before.0,
            after.0
        );
        sizes.push(after);
        back
    });
    note(&format!("dropped: wasm and process, in KiB, after each 5,000 dropped requests: {sizes:?}"));
    assert!(steady, "the memory of the process is not back within 10 % after any of the rounds: {sizes:?}");
    // A thousand waiting requests with all of their headers would take 60 MB.
    assert!(sizes.iter().all(|size| size.0 <= 16 * 1024), "wasm, in KiB: {sizes:?}");
    assert!(
        bare.log().iter().any(|line| line.contains("KV did not answer within 2 s")),
        "they waited for KV"
    );

    bare.fault("none");
    for client in ["test", "no-groups"] {
        let answer = token(&bare, client);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// More than may wait at once (`MANY` in src/steps.rs).
const MORE_THAN_MAY_WAIT: usize = 3_000;

#[test]
fn a_request_whose_client_hangs_up_while_its_token_is_signed_does_not_wait_any_longer() {
    let bare = serve();
    // Now the record is in memory, so the next requests wait only for a signature.
    assert_eq!(token(&bare, "test").status, 200);
    let asked = bare.asked();
    for _ in (0..MORE_THAN_MAY_WAIT).step_by(AT_ONCE) {
        let streams: Vec<_> = (0..AT_ONCE).map(|_| ask_with(&bare, "test", SECRET)).collect();
        for stream in streams {
            // The unread answer has arrived, so the end of the connection is a reset.
            assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
        }
    }
    assert_eq!(bare.asked(), asked, "KV was not called");
    // If the dropped requests still waited, there would be no room for this one for 10 s.
    let answer = token(&bare, "test");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_request_whose_client_hangs_up_in_its_body_ends_and_the_next_is_served() {
    let bare = serve();
    for _ in 0..100 {
        let host = format!("Host: 127.0.0.1:{}\r\n", bare.port());
        let request = format!(
            "GET /keys HTTP/1.1\r\n{host}\r\nPOST /token HTTP/1.1\r\n{host}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16000\r\n\r\ngrant_type="
        );
        let mut stream = TcpStream::connect(("127.0.0.1", bare.port())).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
    }
    assert_eq!(token(&bare, "test").status, 200);
    let failed =
        bare.log().iter().filter(|line| line.contains("RuntimeError") || line.contains("panic")).count();
    assert_eq!(failed, 0, "{}", bare.log().join("\n"));
}

/// The largest request for a token that can wait for KV: nearly 36 KB.
fn largest(bare: &Bare, client: &str) -> String {
    let (name, secret) = (client, "x");
    let encoded = STANDARD.encode(format!("{name}:{secret}"));
    let padding = " ".repeat(8_000 - encoded.len());
    let form = format!("grant_type=client_credentials&x={}", "x".repeat(16_000));
    format!(
        "POST /token?{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Basic{padding} {encoded}\r\nAccept: {}\r\n\
         If-None-Match: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        "x".repeat(10_000),
        bare.port(),
        "x".repeat(LONG / 4),
        "x".repeat(LONG / 4),
        form.len(),
    )
}

/// Sends `count` of these requests at once, for clients with this name prefix, and reads the answers. Returns how many
/// waited, and how many were rejected at once.
fn crowd(bare: &Bare, name: &str, count: usize) -> (usize, usize) {
    let asked = bare.asked();
    // Sends all but the last byte first, so that all requests begin within the time that one of them waits.
    let mut crowd: Vec<_> = (0..count)
        .map(|n| {
            let request = largest(bare, &format!("{name}-{n}")).into_bytes();
            let mut stream = TcpStream::connect(("127.0.0.1", bare.port())).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let (last, most) = request.split_last().unwrap();
            stream.write_all(most).unwrap();
            (stream, *last)
        })
        .collect();
    for (stream, last) in &mut crowd {
        stream.write_all(&[*last]).unwrap();
    }
    let keys = send("GET", &format!("{}/keys", bare.url()), &BTreeMap::new(), Vec::new());
    assert_eq!(keys.status, 200, "the keys are served meanwhile");
    for (stream, _) in &mut crowd {
        let mut answer = String::new();
        while !answer.contains("temporarily_unavailable") {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).unwrap();
            assert!(length > 0, "it ends with {answer}");
            answer.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After: 5"), "{answer}");
    }
    wait_until("each has its line of the log", || logged(bare, name) == count);
    let reasons = |reason: &str| {
        let (client, reason) = (format!("\"client\":\"{name}-"), format!("\"reason\":\"{reason}\""));
        bare.log().iter().filter(|line| line.contains(&client) && line.contains(&reason)).count()
    };
    let (waited, refused) = (reasons("store_unavailable"), reasons("overloaded"));
    assert_eq!(waited + refused, count);
    assert_eq!(
        bare.asked() - asked,
        u32::try_from(waited).unwrap(),
        "KV was called only for the requests that waited"
    );
    (waited, refused)
}

#[test]
fn requests_beyond_the_room_for_those_that_wait_get_503_and_the_others_go_on() {
    const CROWD: usize = 700;
    let bare = serve();
    assert_eq!(token(&bare, "test").status, 200);
    bare.fault("hang");
    // On a busy machine, the first requests may have their answer before the last ones begin. Then the test tries
    // again.
    let crowds = (0..10).map(|n| crowd(&bare, &format!("crowd{n}"), CROWD));
    let (waited, refused) = crowds.into_iter().find(|(_, refused)| *refused > 0).expect("there is no bound");
    let wasm = bare.wasm_memory();
    note(&format!(
        "dropped: of {CROWD} large requests {waited} waited, {refused} were refused; wasm: {wasm} KiB"
    ));
    // The limit is 16 MiB, and a request takes less than 38 KB. The data parsed from its text takes less than that
    // again.
    assert!(waited >= 440, "{waited} waited");
    assert!(wasm <= 48 * 1024, "{wasm} KiB");

    bare.fault("none");
    assert_eq!(token(&bare, "no-groups").status, 200, "there is room again");
}
