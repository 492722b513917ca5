//! Who wrote a message, and whether he could: SPEC section 13.

use rand_core::TryCryptoRng;

use super::{
    Session,
    log::authority_party,
    making::Hand,
    opening::Keys,
    rights::Rights,
    signer::{Signer, Signers},
};
use crate::{
    data_key::DataKey,
    encoding::{Context, VERSION},
    error::{Code, Error, Result},
    message::{self, Author, Authority, Header, Padding, Verifier, View, Whole, claims_of},
    random::Random,
    secret,
    signed::{Hash, Minimum},
};

/// A message of a session, opened. `Debug` doesn't show the data.
#[derive(PartialEq, Eq)]
pub struct Opened {
    /// The plaintext.
    pub data: Vec<u8>,
    /// Who wrote it, verified; nothing where it isn't signed.
    pub author: Option<Signer>,
}

impl core::fmt::Debug for Opened {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Opened").field("author", &self.author).finish_non_exhaustive()
    }
}

impl Session {
    /// Opens a message and verifies its author.
    ///
    /// # Errors
    /// Those of SPEC section 13, in its order. What fetching the session once more could mend is told by [`Self::lacks`].
    pub fn open_message(
        &self,
        keys: &Keys,
        message: &[u8],
        context: &Context,
        signers: &dyn Signers,
        minimum: Minimum,
    ) -> Result<Opened> {
        let (header, rest) = Header::parse(message)?;
        let (key, claim) = self.admit(keys, &header, signers, minimum)?;
        let whole = Whole::split(message, header, rest)?;
        let (mut data, leaf) = whole.open(key, context)?;
        let Some((claim, leaf)) = claim.zip(leaf) else { return Ok(Opened { data, author: None }) };
        let author = claim.verify(&mut Verifier::default(), &leaf, whole.trailer);
        match author.and_then(|author| self.check_author(claim.generation, &claim.signer, &author, signers)) {
            Ok(()) => Ok(Opened { data, author: Some(claim.signer) }),
            Err(error) => {
                secret::wipe_from(&mut data, 0);
                Err(error)
            }
        }
    }

    /// Step 1: the key of a message of this session, and its generation.
    ///
    /// # Errors
    /// `downgrade`; `key-mismatch` for a message that isn't of this session; `not-a-recipient`; that of a key which stayed closed.
    pub fn key_for<'k>(&self, keys: &'k Keys, header: &Header, minimum: Minimum) -> Result<(usize, &'k DataKey)> {
        minimum.check(VERSION)?;
        if header.session.as_ref().is_none_or(|session| session.id != self.log().id().0) {
            return Err(Error::new(&(Code::KeyMismatch, "a message of another session")));
        }
        keys.find(&header.key_id).ok_or_else(|| {
            let generation = self.key_ids().position(|id| *id == header.key_id);
            let closed = generation.and_then(|generation| keys.why_closed(generation));
            closed.unwrap_or(Error::new(&(Code::NotARecipient, "no key of this session opens the message")))
        })
    }

    /// Steps 2 and 3: whose bundle the header names; nothing where the message isn't signed.
    ///
    /// # Errors
    /// `bad-signature` for an unknown bundle; what verifying the identity ended in.
    pub fn signer_for(&self, header: &Header, signers: &dyn Signers) -> Result<Option<Signer>> {
        let Some(signed_by) = header.signed_by() else { return Ok(None) };
        let bundle = Hash(signed_by.bundle_hash);
        let known = self.log().signers().iter().find(|signer| signer.bundle == bundle);
        known.map_or_else(|| signers.signer(&bundle), |signer| Ok(signer.clone())).map(Some)
    }

    /// Steps 5 to 7, for an author whose signature is good: could he write this, under the key of this generation, by the log that he had seen?
    ///
    /// # Errors
    /// `rollback`, `fork`, `forbidden`, `unknown-group`.
    pub fn check_author(
        &self,
        generation: usize,
        signer: &Signer,
        author: &Author,
        groups: &dyn Signers,
    ) -> Result<()> {
        let (log, view) = (self.log(), author.view.sequence);
        log.check_view(&author.view)?;
        if log.generation_at(view) != generation {
            return Err(Error::new(&(
                Code::Forbidden,
                "written under a key that wasn't the newest in the author's view",
            )));
        }
        let party = authority_party(&author.authority, signer, groups)?;
        let reads = party.is_some_and(|party| log.rights_at(&party, view).has(Rights::READ));
        let creates = generation == 0 && author.authority == Authority::Signer && self.is_creator(signer);
        if reads || creates { Ok(()) } else { Err(NO_WRITER) }
    }

    /// Who may write while generation 0 is the newest, whatever his rights are.
    fn is_creator(&self, signer: &Signer) -> bool {
        self.log().creator().is_some_and(|creator| creator.identity == signer.identity && creator.user == signer.user)
    }

    /// Does this message name a key, an entry or a group's operation that may have come since the session was read?
    #[must_use]
    pub fn lacks(&self, message: &[u8], groups: &dyn Signers) -> bool {
        let Ok((header, rest)) = Header::parse(message) else { return false };
        let lacks_state = |(view, authority): (View, Authority)| self.lacks_state(&view, &authority, groups);
        self.lacks_key(&header) || claims_of(&header, rest).is_some_and(lacks_state)
    }

    /// Had an author seen more of the session's log, or of that of the group in whose right he wrote, than is known here? So had he where what was told of the group last
    /// isn't true: nothing is known of it then.
    #[must_use]
    pub fn lacks_state(&self, view: &View, authority: &Authority, groups: &dyn Signers) -> bool {
        view.sequence > self.log().head().sequence
            || matches!(authority, Authority::Group { id, sequence, .. }
                if groups.group(&Hash(*id)).map_or(true, |group| *sequence > group.head().sequence))
    }

    /// Does this header name a key that the session may have got since it was read?
    #[must_use]
    pub fn lacks_key(&self, header: &Header) -> bool {
        !self.key_ids().any(|id| *id == header.key_id)
    }

    /// What somebody's messages say of him now.
    ///
    /// # Errors
    /// `forbidden` where he is neither a reader nor the creator; `stale` where a new generation is due.
    pub fn author(&self, signer: &Signer, groups: &dyn Signers) -> Result<Author> {
        let creates = self.log().newest_generation() == 0 && self.is_creator(signer);
        let authority = self.log().reading_authority(signer, groups).or(creates.then_some(Authority::Signer));
        let authority = authority.ok_or(NO_WRITER)?;
        if self.is_due(groups)? {
            return Err(Error::new(&(Code::Stale, "a new generation is due")));
        }
        let (session, view) = (self.log().id().0, self.log().head());
        Ok(Author { session, bundle_hash: signer.bundle.0, view, authority })
    }

    /// Makes messages under the newest generation, all with one signature; or, not signed, without an author.
    ///
    /// # Errors
    /// As [`Self::author`]; `not-a-recipient` where the newest key is not among `keys`; `key-mismatch`, `rng`, `limit`.
    pub fn seal<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        (sign, padding): (bool, Padding),
        keys: &Keys,
        items: &[(&[u8], &Context)],
        groups: &dyn Signers,
    ) -> Result<Vec<Vec<u8>>> {
        hand.check()?;
        let author = self.author(hand.signer, groups)?;
        let key = keys.of(self.log().newest_generation());
        let key = key.ok_or(Error::new(&(Code::NotARecipient, "the newest key of this session is not known")))?;
        if sign {
            return message::seal_signed(key, rng, hand.key, &author, items, padding);
        }
        let seal = |(data, context): &(&[u8], &Context)| {
            message::seal_in_session(key, rng, author.session, data, context, padding)
        };
        items.iter().map(seal).collect()
    }
}

const NO_WRITER: Error = Error::new(&(Code::Forbidden, "the author has no right to write here"));
