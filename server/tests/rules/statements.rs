//! How often a database is asked: for many pairs as often as for one. PostgreSQL is asked over a network, and once for each of these.

use serde_json::{Value, json};
use wardkey::{
    delegation::{Chain, Pair},
    identity::UserId,
    random,
    session::Rights,
    signed::Hash,
};
use wardkey_rules::{
    Body, Caller, ExchangeKeyStore, Head, Kept, Logged, Request, Server, Store, StoreError, read_apart,
};
use wardkey_server::store::{Connection, Database, Each, Options, Place, Row, Tables, Value as Column};

use crate::{
    common::folder::Folder,
    user::{User, directory},
    world::{NOW, World, app},
};

/// Counts what is asked.
struct Counting<'c> {
    of: &'c mut dyn Connection,
    asked: usize,
    /// What is asked of many, and of how many.
    many: Vec<(String, usize)>,
}

impl<'c> Counting<'c> {
    fn new(of: &'c mut dyn Connection) -> Self {
        Self { of, asked: 0, many: Vec::new() }
    }
}

impl Connection for Counting<'_> {
    fn run(&mut self, sql: &str, values: &[Column]) -> Kept<u64> {
        self.asked += 1;
        self.of.run(sql, values)
    }

    fn rows(&mut self, sql: &str, values: &[Column]) -> Kept<Vec<Row>> {
        self.asked += 1;
        self.of.rows(sql, values)
    }

    fn many(&mut self, sql: &str, asked: &[Each]) -> Kept<Vec<Row>> {
        self.asked += 1;
        self.many.push((sql.to_owned(), asked.len()));
        self.of.many(sql, asked)
    }

    fn each(&mut self, sql: &str, read: &mut dyn FnMut(Row) -> Kept<()>) -> Kept<()> {
        self.asked += 1;
        self.of.each(sql, read)
    }

    fn columns(&mut self, table: &str) -> Kept<Vec<String>> {
        self.of.columns(table)
    }

    fn batch(&mut self, sql: &str) -> Kept<()> {
        self.of.batch(sql)
    }

    fn in_its_words(&self, sql: &str) -> String {
        self.of.in_its_words(sql)
    }

    fn has_table(&mut self, name: &str) -> Kept<bool> {
        self.of.has_table(name)
    }
}

fn request<'a>(user: &'a UserId, path: &'a str, body: &'a Value) -> Request<'a> {
    let caller = Some(Caller::User(user));
    Request { now_ms: NOW, caller, method: "POST", path, idempotency_key: None, body: Body::Json(body) }
}

#[test]
fn a_thousand_pairs_are_asked_for_as_one_is() {
    let mut world = World::new();
    let mut anna = User::registered(&mut world, "anna");
    let known = directory(&world, &[&anna]);
    let chain = Chain::empty(&app(), &anna.party(), &anna.party()).unwrap();
    let made = anna.sign(|hand| chain.make(&mut world.rng, hand, None, &known).unwrap());
    let folder = Folder::new();
    let database = Database::open(&Place::Sqlite(folder.path().to_owned()), Options::default()).unwrap();
    let server = Server::from_secret_bytes(&world.server.to_secret_bytes()).unwrap();
    let register = anna.registration(&mut world, None);
    let count = database.blocking_transaction(false, move |store| {
        let mut tables = Tables(store);
        let failed = |error: wardkey_rules::ApiError| StoreError(error.to_string());
        wardkey_rules::handle(
            &server,
            &mut tables,
            &mut random::system(),
            &request(&anna.id, "/v1/register", &register),
        )
        .map_err(failed)?;
        let pair = |number: usize| Pair::parse(&format!("anna→{number}")).unwrap();
        for number in 0..1_000 {
            for sequence in 1..=3 {
                let version = Logged { sequence, signer: Some(anna.id.clone()), object: made.object.clone() };
                tables.add_exchange_key(&pair(number), &version)?;
            }
        }
        let mut counts = Vec::new();
        for many in [1, 1_000] {
            let pairs: Vec<Value> = (0..many).map(|number| json!({ "pair": pair(number).as_str() })).collect();
            let body = json!({ "sessions": [], "signers": [], "groups": [], "pairs": pairs });
            let mut counting = Counting::new(&mut *tables.0);
            let (reply, _) = read_apart(
                &server,
                &mut Tables(&mut counting),
                &mut random::system(),
                &request(&anna.id, "/v1/keys", &body),
            )
            .map_err(failed)?;
            let given = reply.json["pairs"].as_array().unwrap();
            assert!(given.len() == many && given.iter().all(|one| one["versions"].as_array().unwrap().len() == 3));
            counts.push(counting.asked);
        }
        Ok(counts)
    });
    let count = count.unwrap();
    assert_eq!(count[0], count[1]);
    assert!(count[0] <= 10, "{count:?}");
}

/// Of a session with many pieces its data is read for who is given it: its bodies for who reads, nothing for strangers. Many are asked for as one is.
#[test]
fn nothing_is_read_for_who_is_given_nothing() {
    let mut world = World::new();
    let mut users = ["anna", "ben", "carl"].map(|name| User::registered(&mut world, name));
    let [anna, ben, carl] = &mut users;
    let registrations = [&mut *anna, ben, carl].map(|user| (user.id.clone(), user.registration(&mut world, None)));
    let (parties, ids) = ([anna.party(), ben.party()], [&*anna, ben, carl].map(|user| user.id.clone()));
    let folder = Folder::new();
    let database = Database::open(&Place::Sqlite(folder.path().to_owned()), Options::default()).unwrap();
    let server = Server::from_secret_bytes(&world.server.to_secret_bytes()).unwrap();
    let asked = database.blocking_transaction(false, move |store| {
        let mut tables = Tables(store);
        let failed = |error: wardkey_rules::ApiError| StoreError(error.to_string());
        for (user, body) in &registrations {
            let request = request(user, "/v1/register", body);
            wardkey_rules::handle(&server, &mut tables, &mut random::system(), &request).map_err(failed)?;
        }
        let sessions = [1, 2, 3].map(|of| Hash([of; 32]));
        for id in &sessions {
            tables.put_session(id, Head { sequence: 20, generation: 0 }, b"")?;
            for (party, rights) in parties.iter().zip([Rights::READ, Rights::REVOKE]) {
                tables.put_rights(id, party, rights)?;
            }
            for sequence in 0..=20 {
                tables.add_logged(id, &Logged { sequence, signer: None, object: vec![1; 100] })?;
            }
        }
        let mut all = Vec::new();
        for id in &ids {
            for many in [1, 3] {
                let of: Vec<Value> = sessions.iter().take(many).map(|id| json!({ "id": id.to_string() })).collect();
                let body = json!({ "sessions": of, "signers": [], "groups": [] });
                let mut counting = Counting::new(&mut *tables.0);
                let mut tables = Tables(&mut counting);
                let request = request(id, "/v1/keys", &body);
                let (reply, _) = read_apart(&server, &mut tables, &mut random::system(), &request).map_err(failed)?;
                let given = reply.json["sessions"].as_array().unwrap().iter();
                let given = given.filter(|answer| answer["entries"].as_array().is_some_and(|all| all.len() == 20));
                // Short ones are read before it is known whose they are, but not of these more than a session's rights.
                let read = counting.many.iter().filter(|(sql, _)| sql.contains("piece.data") && !sql.contains("LIMIT"));
                let read: Vec<_> = read.map(|(_, many)| *many).collect();
                all.push((given.count(), read, counting.asked));
            }
        }
        Ok(all)
    });
    let asked = asked.unwrap();
    let read: Vec<_> = asked.iter().map(|(given, read, _)| (*given, read.as_slice())).collect();
    // Sizes, then entries, then bodies: of each session, and of each of its parties that reads.
    let want: [(usize, &[usize]); 6] =
        [(1, &[2, 1, 1]), (3, &[6, 3, 3]), (1, &[1, 1, 0]), (3, &[3, 3, 0]), (0, &[]), (0, &[])];
    assert_eq!(read, want);
    assert!(asked.chunks(2).all(|pair| pair[0].2 == pair[1].2), "{asked:?}");
}
