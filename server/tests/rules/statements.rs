//! How often a database is asked: for many pairs as often as for one. PostgreSQL is asked over a network, and once for each of these.

use serde_json::{Value, json};
use wardkey::{
    delegation::{Chain, Pair},
    identity::UserId,
    random,
};
use wardkey_rules::{Body, Caller, ExchangeKeyStore, Kept, Logged, Request, Server, StoreError, read_apart};
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
            let mut counting = Counting { of: &mut *tables.0, asked: 0 };
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
