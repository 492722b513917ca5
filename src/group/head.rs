//! What a member says of a group's newest state, for a while: SPEC section 12.12.

use super::{log::Log, member::Role};
use crate::{
    encoding::{MALFORMED, Reader, Writer},
    error::{Code, Error, Result},
    message::View,
    session::{Signer, Signers},
    signed::{Hash, Minimum, Payload, Unverified},
};

/// How far another's clock may be ahead, in milliseconds.
const AHEAD: u64 = 5 * 60 * 1000;

/// What a member signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The group.
    pub group: Hash,
    /// The newest operation that he knows.
    pub view: View,
    /// By his clock, in milliseconds since 1970.
    pub time: u64,
    /// Until when it is good.
    pub end: u64,
    /// Hash of his bundle.
    pub signer: Hash,
}

impl Payload for Head {
    const LABEL: &'static str = "wardkey/v1/group-head";
    const MAX: usize = 8 << 10;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(6);
        w.uint(1);
        w.bytes(&self.group.0);
        w.uint(2);
        w.uint(self.view.sequence);
        w.uint(3);
        w.bytes(&self.view.hash);
        w.uint(4);
        w.uint(self.time);
        w.uint(5);
        w.uint(self.end);
        w.uint(6);
        w.bytes(&self.signer.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(6)?;
        reader.key(1)?;
        let group = Hash(reader.fixed()?);
        reader.key(2)?;
        let sequence = reader.uint()?;
        reader.key(3)?;
        let hash = reader.fixed()?;
        reader.key(4)?;
        let time = reader.uint()?;
        reader.key(5)?;
        let end = reader.uint()?;
        reader.key(6)?;
        let signer = Hash(reader.fixed()?);
        if end <= time {
            return Err(MALFORMED);
        }
        Ok(Self { group, view: View { sequence, hash }, time, end, signer })
    }
}

/// A head that was verified against the log of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    head: Head,
    signer: Signer,
}

impl SignedHead {
    /// Verifies a head.
    ///
    /// # Errors
    /// Those of SPEC section 12.12; `rollback` may mean that the log is to be fetched first.
    pub fn read(log: &Log, object: &[u8], signers: &dyn Signers, minimum: Minimum) -> Result<Self> {
        let object = Unverified::<Head>::parse(object, minimum)?;
        let claimed = object.claimed();
        if claimed.group != *log.id() {
            return Err(Error::new(&(Code::KeyMismatch, "the head of another group")));
        }
        log.check_view(&claimed.view)?;
        if claimed.end.saturating_sub(claimed.time) > log.lifetimes().head_ms() {
            return Err(Error::new(&(Code::Forbidden, "a head that would be good for longer than the group allows")));
        }
        let signer = signers.signer(&claimed.signer)?;
        let head = object.verify(&signer.key)?.into_value();
        if signer.party().and_then(|party| log.role_at(&party, head.view.sequence)).is_none() {
            return Err(Error::new(&(Code::Forbidden, "a head by somebody who is no member")));
        }
        Ok(Self { head, signer })
    }

    /// What it says.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Who says so.
    #[must_use]
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }
}

impl Log {
    /// Is its newest state good at this time, by these heads?
    ///
    /// # Errors
    /// `stale`.
    pub fn check_fresh(&self, heads: &[SignedHead], now: u64) -> Result<()> {
        if now < self.fresh_until(heads, now) {
            Ok(())
        } else {
            Err(Error::new(&(Code::Stale, "nobody in the group has lately said what its newest state is")))
        }
    }

    /// Should a member of this role say what the newest state is? If a head of it, or, of an admin, an admin's signature, has less than half of its life left.
    #[must_use]
    pub fn wants_head(&self, heads: &[SignedHead], role: Role, now: u64) -> bool {
        let ((head_end, admin_end), lives) = (self.ends(heads, now), self.lifetimes());
        let is_due = |end: u64, life: u64| end < now.saturating_add(life / 2);
        is_due(head_end, lives.head_ms()) || (role == Role::Admin && is_due(admin_end, lives.admin_ms()))
    }

    /// Until when its newest state is good, by these heads, as it is known at this time.
    #[must_use]
    pub fn fresh_until(&self, heads: &[SignedHead], now: u64) -> u64 {
        let (head_end, admin_end) = self.ends(heads, now);
        head_end.min(admin_end)
    }

    /// Until when a head of the newest state is good, and until when an admin's signature.
    fn ends(&self, heads: &[SignedHead], now: u64) -> (u64, u64) {
        let (newest, latest) = (self.head(), now.saturating_add(AHEAD));
        let (mut end, mut admin) = (0, self.newest_admin_time(latest));
        let past = heads.iter().filter(|known| known.head.view == newest && known.head.time <= latest);
        for SignedHead { head, signer } in past {
            end = end.max(head.end);
            if signer.party().and_then(|party| self.role(&party)) == Some(Role::Admin) {
                admin = admin.max(head.time);
            }
        }
        (end, admin.saturating_add(self.lifetimes().admin_ms()))
    }
}
