//! What the application's server asks of users, and does to them: API section 10. Nothing here gives a key.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    account::Contact,
    journal::Subject,
    signed::{Minimum, Unverified},
};

use crate::{
    ApiError, Event, Work, bytes,
    codes::masked,
    error::Result,
    journal::Page,
    request::Members,
    store::{Account, Counted, Store},
};

const COUNTED: [(&str, Counted); 4] = [
    ("recoveryStarts", Counted::Start),
    ("recoveryTries", Counted::Try),
    ("claimStarts", Counted::Claim),
    ("claimTries", Counted::ClaimTry),
];

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn see_user(&mut self, body: &Value) -> Result<Value> {
        let user = Members::of(body, &["userId"])?.user_id("userId")?;
        let standing = self.store.standing(&user)?;
        let mut bundles = Vec::new();
        if standing.is_registered {
            for bundle in self.identity(&user)?.bundles() {
                bundles.push(json!({ "version": bundle.value().version(), "fingerprint": bytes(bundle.hash().0) }));
            }
        }
        let account = self.store.account(&user)?;
        let contact = match account.as_ref().and_then(|account| account.contact.as_ref()) {
            Some(contact) => {
                let contact = Unverified::<Contact>::parse(contact, Minimum::default())?;
                Some(masked(contact.claimed().email().as_str()))
            }
            None => None,
        };
        let mut groups = self.groups_of(&user)?;
        groups.sort_unstable();
        let mut today = serde_json::Map::new();
        for (name, what) in COUNTED {
            today.insert(name.to_owned(), self.today(&user, what)?.len().into());
        }
        let pending = |account: &Account| account.pending.as_ref().map(|pending| pending.backup.version);
        Ok(json!({
            "registered": standing.is_registered,
            "disabled": standing.is_disabled,
            "bundles": bundles,
            "backup": account.as_ref().map(|account| account.active.version),
            "pending": account.as_ref().and_then(pending),
            "contact": contact,
            "groups": groups.iter().map(|id| bytes(id.0)).collect::<Vec<_>>(),
            "today": today,
        }))
    }

    pub(crate) fn disable(&mut self, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["userId", "disabled"])?;
        let (user, disabled) = (members.user_id("userId")?, members.flag("disabled")?);
        if self.store.standing(&user)?.is_disabled != disabled {
            self.store.put_disabled(&user, disabled)?;
            self.tell_of(&user, None, if disabled { "disable" } else { "enable" }, &[]);
            if disabled {
                self.events.push(Event::Disabled { user_id: user });
            }
        }
        Ok(json!({}))
    }

    pub(crate) fn see_journal(&mut self, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["userId", "sessionId", "after", "proofs"])?;
        let is_given = |name| members.has(name) && !members.value(name).is_ok_and(Value::is_null);
        let user = if is_given("userId") { Some(members.user_id("userId")?) } else { None };
        let session = if is_given("sessionId") { Some(members.hash("sessionId")?) } else { None };
        let subject = match (user, session) {
            (Some(user), None) => Subject::User(user),
            (None, Some(session)) => Subject::Session(session),
            _ => return Err(ApiError::argument("either a user or a session")),
        };
        self.journal_page(&subject, Page::asked(members)?)
    }
}
