//! Whom somebody knows who reads a session or a group.

use serde::{Deserialize, Serialize};
use wardkey::{
    error::{Code, Error, Result},
    group::{Epochs, Log, Stanza},
    identity::{AppId, Asked, Identity},
    key_pair::KeyPair,
    party::Party,
    session::{Signer, Signers},
    signed::{Hash, Minimum},
};

use super::{
    craft::system,
    hex::{unhex, unhex_array},
    story::{Input, all, refs},
};

/// A group of whom he knows the log.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) group_id: String,
    pub(crate) genesis: String,
    pub(crate) operations: Vec<String>,
    /// Group keys that he was given as a member.
    pub(crate) keys: Option<String>,
}

impl Group {
    fn log(&self, known: &Lazy<'_>) -> Result<Log> {
        let (app, minimum) = (AppId::new(&known.input.app_id)?, known.input.minimum());
        let mut log = Log::begin(&app, &Hash(unhex_array(&self.group_id)), &unhex(&self.genesis), known, minimum)?;
        log.extend(&refs(&all(&self.operations)), known, minimum)?;
        Ok(log)
    }
}

/// Verifies an identity when it is asked for.
pub(crate) struct Lazy<'a> {
    input: &'a Input,
    /// Logs of the groups that are known.
    groups: Vec<Log>,
}

impl<'a> Lazy<'a> {
    /// Who knows no group.
    pub(crate) const fn new(input: &'a Input) -> Self {
        Self { input, groups: Vec::new() }
    }

    /// Who knows those of the input.
    pub(crate) fn with_groups(input: &'a Input) -> Result<Self> {
        let logs = input.groups.iter().map(|group| group.log(&Self::new(input)));
        Ok(Self { input, groups: logs.collect::<Result<_>>()? })
    }

    /// Of the groups whose keys he was given.
    pub(crate) fn epochs(&self, party: &Party, pairs: &[&KeyPair]) -> Result<Vec<Epochs>> {
        let mut epochs = Vec::new();
        for (group, log) in self.input.groups.iter().zip(&self.groups) {
            let Some(keys) = &group.keys else { continue };
            let stanza = Stanza::find(log, &unhex(keys), party, self.input.minimum())?;
            epochs.push(Epochs::open(log, stanza.open(&mut system(), pairs)?)?);
        }
        Ok(epochs)
    }
}

impl Signers for Lazy<'_> {
    fn signer(&self, bundle: &Hash) -> Result<Signer> {
        let app = AppId::new(&self.input.app_id)?;
        for bundles in &self.input.identities {
            let bundles: Vec<_> = bundles.iter().map(|bundle| unhex(bundle)).collect();
            let objects: Vec<_> = bundles.iter().map(Vec::as_slice).collect();
            let found = Identity::verify(&objects, &app, Asked::Bundle(bundle), Minimum(self.input.minimum));
            match found {
                Ok(identity) => {
                    self.input.meet(&identity)?;
                    return Ok(Signer::of(&identity, bundle).expect("asked for"));
                }
                Err(error) if error.code() == Code::BadSignature => (),
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(&(Code::BadSignature, "not here")))
    }

    fn group(&self, id: &Hash) -> Result<&Log> {
        self.groups.iter().find(|log| log.id() == id).ok_or(Error::new(&(Code::UnknownGroup, "not here")))
    }
}
