//! Messages of a session whose chunks are worked on elsewhere, and many at a time: what comes before their bodies, and after. SPEC sections 4.3 and 13.

use rand_core::TryCryptoRng;

use super::{
    Session,
    making::TWO_HANDS,
    opening::Keys,
    signer::{Signer, Signers},
};
use crate::{
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    message::{Author, Batch, Body, Header, InSession, Leaf, Padding, Trailers, Verifier, begin_sealing_in},
    random::Random,
    sign::{SigningKey, VerifyingKey},
    signed::{Hash, Minimum},
};

/// Messages that are being made: under one generation's key, with one signature for all of them or none.
#[derive(Debug)]
pub struct Writing {
    session: Hash,
    generation: usize,
    padding: Padding,
    author: Option<(Batch, VerifyingKey)>,
}

impl Session {
    /// So many messages of this author under the newest generation.
    ///
    /// # Errors
    /// As [`Self::author`]; `limit`.
    pub fn write(
        &self,
        signer: &Signer,
        sign: bool,
        size: usize,
        padding: Padding,
        groups: &dyn Signers,
    ) -> Result<Writing> {
        let author = self.author(signer, groups)?;
        let author = if sign { Some((Batch::new(author, size)?, signer.key.clone())) } else { None };
        let (session, generation) = (*self.log().id(), self.log().newest_generation());
        Ok(Writing { session, generation, padding, author })
    }

    /// The key of a message and what it says of its author: steps 1 to 3.
    ///
    /// # Errors
    /// As [`Self::key_for`] and [`Self::signer_for`].
    pub fn admit<'k>(
        &self,
        keys: &'k Keys,
        header: &Header,
        signers: &dyn Signers,
        minimum: Minimum,
    ) -> Result<(&'k DataKey, Option<Claim>)> {
        let (generation, key) = self.key_for(keys, header, minimum)?;
        let signer = self.signer_for(header, signers)?;
        Ok((key, signer.map(|signer| Claim { header: header.clone(), signer, generation })))
    }
}

impl Writing {
    /// Whose key the calls below take.
    #[must_use]
    pub const fn generation(&self) -> usize {
        self.generation
    }

    /// Are they signed?
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.author.is_some()
    }

    fn header(&self, index: u32) -> InSession {
        let unsigned = InSession { id: self.session.0, signed_by: None };
        self.author.as_ref().map_or(unsigned, |(batch, _)| batch.header(index))
    }

    /// Begins message number `index`: its keys, and what precedes its first chunk.
    ///
    /// # Errors
    /// `rng`.
    pub fn begin<R: TryCryptoRng>(
        &self,
        key: &DataKey,
        rng: &mut Random<R>,
        index: u32,
        context: &Context,
    ) -> Result<(Body, Vec<u8>)> {
        Body::seal_for(key, rng, Some(self.header(index)), context, self.padding)
    }

    /// Begins short messages from number `first` on, for [`finish`](crate::message::finish).
    ///
    /// # Errors
    /// `rng`, `limit`.
    pub fn begin_many<R: TryCryptoRng>(
        &self,
        key: &DataKey,
        rng: &mut Random<R>,
        first: u32,
        items: &[(&[u8], Context)],
    ) -> Result<Vec<u8>> {
        let session = |index: usize| Some(self.header(first.saturating_add(u32::try_from(index).unwrap_or(u32::MAX))));
        begin_sealing_in(key, rng, session, items, self.padding)
    }

    /// Takes the leaf of the next message.
    pub fn add(&mut self, leaf: &Leaf) {
        if let Some((batch, _)) = &mut self.author {
            batch.add(leaf);
        }
    }

    /// After the last leaf; with that of `keys` which belongs to the bundle that the headers name.
    ///
    /// # Errors
    /// `invalid-argument` where they aren't signed, or for another number of leaves than of messages; `key-mismatch`.
    pub fn sign<'k>(self, mut keys: impl Iterator<Item = &'k SigningKey>) -> Result<Trailers> {
        const UNSIGNED: Error = Error::new(&(Code::InvalidArgument, "these messages have no author"));
        let (batch, public) = self.author.ok_or(UNSIGNED)?;
        batch.sign(keys.find(|key| *key.verifying_key() == public).ok_or(TWO_HANDS)?)
    }
}

/// Who a message says has written it: nothing is verified of that yet but that he exists.
#[derive(Debug)]
pub struct Claim {
    header: Header,
    /// Whose bundle the header names.
    pub signer: Signer,
    /// The generation of the message's key.
    pub generation: usize,
}

impl Claim {
    /// The rest of step 4: what the author has signed. Whether he could write it, [`Session::check_author`] says.
    ///
    /// # Errors
    /// `bad-signature`.
    pub fn verify(&self, verifier: &mut Verifier, leaf: &Leaf, trailer: &[u8]) -> Result<Author> {
        verifier.verify(&self.header, leaf, trailer, &self.signer.key)
    }
}
