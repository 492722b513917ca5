//! The first entry of a group's log, whose hash is the group's id: SPEC section 12.8.

use super::{
    epoch::Epoch,
    member::{Member, read_members, write_members},
};
use crate::{
    encoding::{MALFORMED, Reader, Writer},
    error::{Code, Error, Result},
    identity::AppId,
    signed::{Hash, Payload},
};

/// What a group is called, by people: 1 to 128 bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Takes a text of this form.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn new(text: &str) -> Result<Self> {
        if (1..=128).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(&(Code::InvalidArgument, "a group's name has 1 to 128 bytes, without control characters")))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long what a group says of itself is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    head_hours: u64,
    admin_days: u64,
}

impl Lifetimes {
    const HOUR: u64 = 3_600_000;

    /// `head_hours`: how long a head is good, 1 to 2,160. `admin_days`: how long the group goes on without an admin's signature, 1 to 90.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn new(head_hours: u64, admin_days: u64) -> Result<Self> {
        if (1..=2160).contains(&head_hours) && (1..=90).contains(&admin_days) {
            Ok(Self { head_hours, admin_days })
        } else {
            Err(Error::new(&(
                Code::InvalidArgument,
                "a group's heads are good for 1 to 2,160 hours, and an admin's signature for 1 to 90 days",
            )))
        }
    }

    /// How long a head is good, in milliseconds.
    #[must_use]
    pub const fn head_ms(self) -> u64 {
        self.head_hours * Self::HOUR
    }

    /// How long the group goes on without an admin's signature, in milliseconds.
    #[must_use]
    pub const fn admin_ms(self) -> u64 {
        self.admin_days * 24 * Self::HOUR
    }
}

impl Default for Lifetimes {
    /// A day; a week.
    fn default() -> Self {
        Self { head_hours: 24, admin_days: 7 }
    }
}

/// What the creator of a group signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The application.
    pub app_id: AppId,
    /// Hash of the creator's bundle, which signs.
    pub creator: Hash,
    /// Makes the id unlike all others.
    pub random: [u8; 16],
    /// By the creator's clock, in milliseconds since 1970.
    pub time: u64,
    /// For people.
    pub name: Name,
    /// Sorted by party.
    pub members: Vec<Member>,
    /// Epoch 0.
    pub epoch: Epoch,
    /// Of heads and admins' signatures.
    pub lifetimes: Lifetimes,
}

impl Payload for Genesis {
    const LABEL: &'static str = "wardkey/v1/group";
    const MAX: usize = 4 << 20;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(9);
        w.uint(1);
        w.text(self.app_id.as_str());
        w.uint(2);
        w.bytes(&self.creator.0);
        w.uint(3);
        w.bytes(&self.random);
        w.uint(4);
        w.uint(self.time);
        w.uint(5);
        w.text(self.name.as_str());
        w.uint(6);
        write_members(w, &self.members);
        w.uint(7);
        self.epoch.write(w);
        w.uint(8);
        w.uint(self.lifetimes.head_hours);
        w.uint(9);
        w.uint(self.lifetimes.admin_days);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(9)?;
        reader.key(1)?;
        let app_id = AppId::read(reader)?;
        reader.key(2)?;
        let creator = Hash(reader.fixed()?);
        reader.key(3)?;
        let random = reader.fixed()?;
        reader.key(4)?;
        let time = reader.uint()?;
        reader.key(5)?;
        let name = Name::new(reader.text()?).map_err(|_| MALFORMED)?;
        reader.key(6)?;
        let members = read_members(reader)?;
        reader.key(7)?;
        let epoch = Epoch::read(reader)?;
        if epoch.previous.is_some() {
            return Err(MALFORMED);
        }
        reader.key(8)?;
        let head_hours = reader.uint()?;
        reader.key(9)?;
        let lifetimes = Lifetimes::new(head_hours, reader.uint()?).map_err(|_| MALFORMED)?;
        Ok(Self { app_id, creator, random, time, name, members, epoch, lifetimes })
    }
}
