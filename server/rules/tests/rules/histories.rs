//! Random histories of a group and a session, against a model of who should be given something: who belongs now, and nobody else.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use wardkey::{
    group::{Role, split as split_keys},
    party::Party,
    session::{Grant, Rights, Session, split},
};

use crate::{
    user::{User, items, with},
    ward::{Ward, member, with_group},
    world::{FIRST, seeded, unb64},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Add(usize),
    Remove(usize),
    Promote(usize),
    Demote(usize),
    Rotate,
    Grant(usize),
    Revoke(usize),
    GrantGroup,
    RevokeGroup,
    Generation,
    /// The last operation or entry once more.
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize).prop_map(Step::Add),
        4 => (0..3_usize).prop_map(Step::Remove),
        1 => (0..3_usize).prop_map(Step::Promote),
        1 => (0..3_usize).prop_map(Step::Demote),
        1 => Just(Step::Rotate),
        2 => (0..3_usize).prop_map(Step::Grant),
        2 => (0..3_usize).prop_map(Step::Revoke),
        2 => Just(Step::GrantGroup),
        2 => Just(Step::RevokeGroup),
        3 => Just(Step::Generation),
        1 => Just(Step::Again),
    ]
}

/// Anna is the admin; Ben, Carl and Dora come and go. She manages the session herself.
struct History {
    ward: Ward,
    users: Vec<User>,
    session: Session,
    members: BTreeSet<usize>,
    admins: BTreeSet<usize>,
    readers: BTreeSet<usize>,
    group_reads: bool,
    last: Option<(String, Value)>,
}

impl History {
    fn new() -> Self {
        let mut ward = Ward::new();
        let known = ward.knowing();
        let grants = [with(&ward.anna, Rights::MANAGE), with_group(&ward.log, Rights::READ)];
        let (session, body) = ward.anna.session(&mut seeded(80), &grants, &known);
        ward.world.post(&ward.anna, "/v1/sessions", body);
        let mut take = |name: &str| {
            let user = match name {
                "ben" => &mut ward.ben,
                "carl" => &mut ward.carl,
                _ => &mut ward.dora,
            };
            let stand_in = User { bundles: user.bundles.clone(), ..User::new(&mut seeded(70), name) };
            std::mem::replace(user, stand_in)
        };
        let users = vec![take("ben"), take("carl"), take("dora")];
        let (members, group_reads) = (BTreeSet::from([0]), true);
        let (admins, readers) = (BTreeSet::new(), BTreeSet::new());
        Self { ward, users, session, members, admins, readers, group_reads, last: None }
    }

    fn operate(&mut self, body: Value) {
        let path = self.ward.path("operations");
        self.ward.send(body.clone());
        self.last = Some((path, body));
    }

    fn append(&mut self, made: wardkey::session::Made) {
        let path = format!("/v1/sessions/{}/entries", self.session.log().id());
        let body = items(&[&made]);
        self.session = made.session;
        self.ward.world.post(&self.ward.anna, &path, body.clone());
        self.last = Some((path, body));
    }

    fn grant(&mut self, grant: Grant, seed: u8) {
        let known = self.ward.knowing();
        let made = self.ward.anna.grant(&mut seeded(seed), &self.session, &[grant], &known);
        self.append(made);
    }

    fn revoke(&mut self, party: Party) {
        let known = self.ward.knowing();
        let made = self.ward.anna.sign(|hand| self.session.revoke(hand, &[party], &known).unwrap());
        self.append(made);
    }

    fn take(&mut self, step: Step, seed: u8) {
        match step {
            Step::Add(who) if self.members.insert(who) => {
                let body = self.ward.adds(&[member(&self.users[who], Role::Member)]);
                self.operate(body);
            }
            Step::Remove(who) if self.members.remove(&who) => {
                self.admins.remove(&who);
                let body = self.ward.removes(&[self.users[who].party()]);
                self.operate(body);
            }
            Step::Promote(who) if self.members.contains(&who) && self.admins.insert(who) => {
                let body = self.ward.gives_roles(&[member(&self.users[who], Role::Admin)]);
                self.operate(body);
            }
            Step::Demote(who) if self.admins.remove(&who) => {
                let body = self.ward.gives_roles(&[member(&self.users[who], Role::Member)]);
                self.operate(body);
            }
            Step::Rotate => {
                let body = self.ward.rotates();
                self.operate(body);
            }
            Step::Grant(who) if self.readers.insert(who) => self.grant(with(&self.users[who], Rights::READ), seed),
            Step::Revoke(who) if self.readers.remove(&who) => self.revoke(self.users[who].party()),
            Step::GrantGroup if !self.group_reads => {
                self.group_reads = true;
                self.grant(with_group(&self.ward.log, Rights::READ), seed);
            }
            Step::RevokeGroup if self.group_reads => {
                self.group_reads = false;
                self.revoke(Party::Group(*self.ward.log.id()));
            }
            Step::Generation => {
                let known = self.ward.knowing();
                let made = self.ward.anna.rotate(&mut seeded(seed), &self.session, &known);
                self.append(made);
            }
            Step::Again => {
                if let Some((path, body)) = self.last.clone() {
                    self.ward.world.post(&self.ward.anna, &path, body);
                }
            }
            // Already so.
            _ => {}
        }
    }

    /// What everybody is given.
    fn check(&mut self) {
        let group = Party::Group(*self.ward.log.id());
        for (who, user) in self.users.iter().enumerate() {
            let asked = json!({
                "sessions": [{ "id": self.session.log().id().to_string() }],
                "signers": [],
                "groups": [{ "id": self.ward.id }],
            });
            let reply = self.ward.world.post(user, "/v1/keys", asked);
            let keys = &reply["groups"][0]["keys"];
            let belongs = self.members.contains(&who);
            assert_eq!(keys.is_string(), belongs, "{} in the group", user.id);
            if belongs {
                let served = split_keys(&unb64(keys), FIRST).unwrap();
                let given = served.stanzas.iter().filter(|stanza| stanza.body.is_some());
                assert!(given.map(|stanza| &stanza.party).eq([&user.party()]));
                assert_eq!(Some(served.sequence as usize), self.ward.log.newest_keys_for(&user.party()));
            }
            let answer = &reply["sessions"][0];
            let reads = self.readers.contains(&who) || belongs && self.group_reads;
            assert_eq!(answer.get("error").is_none(), reads, "{}: {answer}", user.id);
            let mut found = BTreeSet::new();
            for wraps in answer["wraps"].as_array().into_iter().flatten() {
                let served = split(&unb64(wraps), FIRST).unwrap();
                found.extend(
                    served.stanzas.into_iter().filter(|stanza| stanza.body.is_some()).map(|stanza| stanza.party),
                );
            }
            for party in found {
                assert!(party == user.party() || party == group && belongs, "{} was given {party:?}", user.id);
            }
            let listed = self.ward.world.call(Some(user), "GET", "/v1/groups", None);
            assert_eq!(listed["groups"].as_array().unwrap().len(), usize::from(belongs));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn who_is_given_what(steps in prop::collection::vec(step(), 1..16)) {
        let mut history = History::new();
        history.check();
        for (seed, step) in (100..).zip(steps) {
            history.take(step, seed);
            history.check();
        }
    }
}
