//! The same over HTTP, against a running server, from this second process.

use std::{
    io::Read,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rand_core::SeedableRng;
use serde_json::json;
use wardkey::random;
use wardkey_server::{sealed::OperatorSecret, store::Database};

use crate::{keys_of, now_ms, report, scene, the_server};

/// Requests that are under way at once, at most.
const AT_ONCE: usize = 64;

/// Gives the database's server keys sealed by a secret, which it prints.
pub(crate) fn seal(database: &Database) {
    let (server, plain) = (the_server(database), database.secrets().unwrap().unwrap());
    let secret = OperatorSecret::generate().unwrap();
    let sealed = OperatorSecret::from_text(&secret).unwrap().seal(&mut random::system(), &server).unwrap();
    assert!(database.replace_secrets(&plain, &sealed).unwrap());
    println!("{secret}");
}

/// A token, by the server's own program.
fn token(program: &str, key: &str, user: &str) -> String {
    let made =
        Command::new(program).args(["token", user, "--app", "app.example", "--key", key, "--life", "7200"]).output();
    let made = made.unwrap();
    assert!(made.status.success());
    format!("Bearer {}", String::from_utf8(made.stdout).unwrap().trim())
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().max_idle_connections(AT_ONCE).max_idle_connections_per_host(AT_ONCE);
    ureq::Agent::new_with_config(config.build())
}

pub(crate) fn keys(
    urls: &[&str],
    key: &str,
    program: &str,
    count: usize,
    (rate, seconds, size): (usize, usize, usize),
) {
    let token = token(program, key, "ben");
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([now_ms() as u8; 32]);
    let mut bodies = Vec::new();
    for _ in 0..rate * seconds {
        bodies.push(keys_of(&mut rng, size, count).to_string());
    }
    let (bodies, next, bytes) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let refused = Arc::new(AtomicUsize::new(0));
    let (agent, begun) = (agent(), Instant::now() + Duration::from_millis(100));
    let one = |number: usize| {
        let (bodies, next, bytes) = (Arc::clone(&bodies), Arc::clone(&next), Arc::clone(&bytes));
        let refused = Arc::clone(&refused);
        let (agent, token, url) = (agent.clone(), token.clone(), format!("{}/v1/keys", urls[number % urls.len()]));
        thread::spawn(move || {
            let (mut times, mut buffer) = (Vec::new(), vec![0; 1 << 20]);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(body) = bodies.get(number) else { return times };
                // An open loop: who is late waits from when he was due.
                let due = begun + Duration::from_secs_f64(number as f64 / rate as f64);
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let asked = agent.post(&url).header("authorization", &token).content_type("application/json");
                let mut reply = match asked.send(body.as_bytes()) {
                    Err(ureq::Error::StatusCode(429)) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                    answer => answer.unwrap().into_body().into_reader(),
                };
                let mut read = 0;
                loop {
                    match reply.read(&mut buffer[..]).unwrap() {
                        0 => break,
                        some => read += some,
                    }
                }
                assert!(read > size * 1_000, "{read} bytes");
                bytes.fetch_add(read, Ordering::Relaxed);
                times.push(due.elapsed());
            }
        })
    };
    let threads: Vec<_> = (0..AT_ONCE).map(one).collect();
    let times: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    println!("{} KB each", bytes.load(Ordering::Relaxed) / times.len() / 1000);
    let refused = match refused.load(Ordering::Relaxed) {
        0 => String::new(),
        refused => format!(", {refused} answered with 429 beside"),
    };
    report(&format!("keys of {size} sessions over HTTP{refused}"), times, begun);
}

pub(crate) fn write(urls: &[&str], key: &str, program: &str, at_once: usize, seconds: usize) {
    let token = token(program, key, "anna");
    let mut scene = scene();
    let agent = agent();
    // The groups are of another day: their heads have ended.
    let now = now_ms();
    for log in [&scene.ward.log, &scene.other] {
        let head = json!({ "head": scene.ward.anna.head(now, log) }).to_string();
        let asked = agent.post(&format!("{}/v1/groups/{}/heads", urls[0], log.id()));
        asked.header("authorization", &token).content_type("application/json").send(head.as_bytes()).unwrap();
    }
    println!("making sessions");
    let made: Vec<_> = scene
        .sessions((now % 150 + 80) as u8, 1_000 * seconds, 2)
        .into_iter()
        .map(|(_, body)| body.to_string())
        .collect();
    let (made, next, begun) = (Arc::new(made), Arc::new(AtomicUsize::new(0)), Instant::now());
    let one = |number: usize| {
        let (made, next, agent, token) = (Arc::clone(&made), Arc::clone(&next), agent.clone(), token.clone());
        let url = format!("{}/v1/sessions", urls[number % urls.len()]);
        thread::spawn(move || {
            let mut times = Vec::new();
            while begun.elapsed().as_secs() < seconds as u64
                && let Some(body) = made.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let sent = Instant::now();
                let asked = agent.post(&url).header("authorization", &token).content_type("application/json");
                asked.send(body.as_bytes()).unwrap().into_body().read_to_vec().unwrap();
                times.push(sent.elapsed());
            }
            times
        })
    };
    let threads: Vec<_> = (0..at_once).map(one).collect();
    let times: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    report("sessions with two groups, written over HTTP", times, begun);
}
