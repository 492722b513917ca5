//! The rows of a file whose entries are of several kinds, as they are collected; and who takes part in them.

use wardkey::{identity::UserId, party::Party};

use super::invalid;
use crate::common::{
    people::Person,
    rng::Seeded,
    rows::{Input, Opened, Refused},
    schema::{File, Invalid},
};

/// Those of a file.
pub(super) struct Rows<I> {
    vectors: Vec<Opened<I>>,
    refused: Vec<Invalid<Refused<I>>>,
}

impl<I: Input> Rows<I> {
    pub(super) const fn new() -> Self {
        Self { vectors: Vec::new(), refused: Vec::new() }
    }

    /// It opens to what it gives here.
    pub(super) fn opens(&mut self, kind: &str, name: &str, input: I) {
        let input = input.trimmed();
        let expected = input.open(kind).unwrap_or_else(|error| panic!("{kind}, {name}: {error}"));
        self.vectors.push(Opened { kind: kind.to_owned(), name: name.to_owned(), input, expected });
    }

    pub(super) fn fails(&mut self, kind: &str, name: &str, error: &str, input: I) {
        let input = input.trimmed();
        let found = input.open(kind).map_err(|error| error.code().as_str());
        assert_eq!(found, Err(error), "{kind}, {name}");
        self.refused.push(invalid(error, Refused { kind: kind.to_owned(), name: name.to_owned(), input }));
    }

    pub(super) fn file(self) -> File<Opened<I>, Refused<I>> {
        File { vectors: self.vectors, invalid: self.refused }
    }
}

/// Who takes part.
pub(super) struct Cast {
    pub(super) alice: Person,
    pub(super) bob: Person,
    pub(super) carol: Person,
    pub(super) mallory: Person,
    pub(super) key_server: Person,
}

impl Cast {
    pub(super) fn new(rng: &mut Seeded) -> Self {
        let [alice, bob, carol, mallory] = ["alice", "bob", "carol", "mallory"].map(|name| Person::new(rng, name));
        Self { alice, bob, carol, mallory, key_server: Person::key_server(rng) }
    }

    pub(super) fn all(&self) -> [&Person; 5] {
        [&self.alice, &self.bob, &self.carol, &self.mallory, &self.key_server]
    }

    pub(super) fn placeholder(&self) -> Party {
        let name = UserId::new("rehab").expect("a name");
        Party::Placeholder { name, escrow: self.key_server.signer.identity, contact: None }
    }
}
