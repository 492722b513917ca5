//! Who asks: registration by invitation, login by the secret that the package derives, and the cookie that remembers it.
//!
//! A login secret is 32 bytes that Argon2id derived in the browser, from the password and the key server's salt: whoever has its hash can't search it but by searching passwords
//! through that derivation. So a fast hash suffices here. It is compared in constant time, and tries are counted.

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, request::Parts},
    response::{IntoResponse, Response},
};
use rusqlite::{OptionalExtension as _, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use wardkey::{
    encoding::{base64url, from_base64url},
    identity::UserId,
};

use crate::{
    clock::{iso, now_ms},
    events::{About, Told},
    http::{self, Address, Json, Shared},
    random,
    refused::{Outcome, Refused},
    shares, tokens,
};

const COOKIE: &str = "wardkey-demo";
/// A login ends after a shift.
const LIFE_MS: u64 = 12 * 60 * 60 * 1_000;
/// Of one user: with another the oldest ends.
const LOGINS: usize = 20;
const MAX_NAME: usize = 200;

/// Who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub user_id: String,
    pub name: String,
    pub facility_id: String,
    pub role: String,
    pub admin: bool,
    /// When the login ends.
    pub ends: i64,
    token: [u8; 32],
}

impl Caller {
    pub(crate) fn needs_admin(&self) -> Outcome<()> {
        if self.admin { Ok(()) } else { Err(Refused::forbidden("an administrator of the facility may")) }
    }

    /// What takes time ends with the rights that it began with.
    pub(crate) fn is_still_admin(&self, store: &Transaction<'_>) -> Outcome<()> {
        of_token(store, self.token)?.ok_or(Refused::unauthenticated())?.needs_admin()
    }

    /// What names this login.
    pub(crate) const fn token(&self) -> [u8; 32] {
        self.token
    }

    /// Is this login the one of this cookie?
    pub(crate) fn is_by(&self, token: &[u8; 32]) -> bool {
        self.token == *token
    }

    fn to_json(&self) -> Value {
        json!({ "userId": self.user_id, "name": self.name, "facilityId": self.facility_id, "role": self.role, "admin": self.admin })
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Outcome<Self> {
        find(app, &parts.headers).await?.ok_or(Refused::unauthenticated())
    }
}

/// Who is logged in by these headers, if anybody.
pub(crate) async fn find(app: &Shared, headers: &HeaderMap) -> Outcome<Option<Caller>> {
    let Some(token) = http::cookie(headers, COOKIE).and_then(hash_of_token) else { return Ok(None) };
    app.store.read(move |store| of_token(store, token)).await
}

fn of_token(store: &Transaction<'_>, token: [u8; 32]) -> Outcome<Option<Caller>> {
    let sql = "SELECT staff.user_id, staff.name, staff.facility_id, staff.role, staff.admin, login.ends FROM login JOIN staff USING (user_id) \
               WHERE login.token = ?1 AND login.ends > ?2 AND staff.removed = 0";
    let caller = store.query_row(sql, (token, now()), |row| {
        Ok(Caller {
            user_id: row.get(0)?,
            name: row.get(1)?,
            facility_id: row.get(2)?,
            role: row.get(3)?,
            admin: row.get(4)?,
            ends: row.get(5)?,
            token,
        })
    });
    Ok(caller.optional()?)
}

/// The time as the database keeps it.
pub(crate) fn now() -> i64 {
    i64::try_from(now_ms()).unwrap_or(i64::MAX)
}

/// Only the hash of a cookie is kept: who reads the database can't log in with it.
pub(crate) fn hash_of_token(token: &str) -> Option<[u8; 32]> {
    let token = from_base64url(token).ok().filter(|token| token.len() == 32)?;
    Some(Sha256::digest(token).into())
}

fn hash_of_secret(user_id: &str, secret: &str) -> Outcome<[u8; 32]> {
    let secret = from_base64url(secret).ok().filter(|secret| secret.len() == 32);
    let secret = secret.ok_or(Refused::invalid("a login secret is base64url of 32 bytes"))?;
    let hash = Sha256::new().chain_update(b"wardkey-demo login\0").chain_update(secret).chain_update(user_id);
    Ok(hash.finalize().into())
}

/// Of what was typed: groups and capitals don't count.
pub(crate) fn hash_of_invitation(code: &str) -> [u8; 32] {
    let typed: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Sha256::digest(typed).into()
}

/// The form of a name of a person or a role.
pub(crate) fn check_name(name: &str) -> Outcome<()> {
    let is_fine = !name.trim().is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
    if is_fine { Ok(()) } else { Err(Refused::invalid("a name is 1 to 200 bytes of text in one line")) }
}

pub(crate) fn check_user(user_id: &str) -> Outcome<()> {
    UserId::new(user_id).map(drop).map_err(|_| Refused::invalid("not the form of a user id"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Registering {
    user_id: String,
    name: String,
    facility_id: String,
    login_secret: String,
    invitation: String,
}

/// Who has an invitation becomes staff. Repeated with the same secret, it is a login.
pub(crate) async fn register(
    State(app): State<Shared>,
    Address(address): Address,
    Json(asked): Json<Registering>,
) -> Outcome<Response> {
    check_user(&asked.user_id)?;
    check_name(&asked.name)?;
    // It is remembered with the tries.
    check_name(&asked.facility_id)?;
    app.throttle.check(address, "invitation", &asked.facility_id)?;
    let secret = hash_of_secret(&asked.user_id, &asked.login_secret)?;
    let invitation = hash_of_invitation(&asked.invitation);
    let known = app.demo.people.iter().find(|person| person.user_id == asked.user_id);
    // Who comes later brings a password of her own.
    let demo =
        Demo { role: known.map(|known| known.role.clone()), has_password: known.is_some() && app.settings.seeding };
    let facility = asked.facility_id.clone();
    let login = app
        .store
        .write(move |store| {
            accept(store, &asked, &secret, &invitation, demo)?;
            log_in(store, &asked.user_id)
        })
        .await?;
    app.hub.tell(&[&facility], About::Staff, &login.caller.user_id);
    Ok(login.answer(&app))
}

/// What the demo's file says of who registers.
struct Demo {
    role: Option<String>,
    has_password: bool,
}

/// Takes the invitation: one of an administrator, or that of a facility that has nobody.
fn accept(
    store: &Transaction<'_>,
    asked: &Registering,
    secret: &[u8; 32],
    invitation: &[u8; 32],
    demo: Demo,
) -> Outcome<()> {
    const WRONG: Refused = Refused::forbidden("no invitation for this user to this facility");
    type Invited = (String, Option<[u8; 32]>, Option<i64>, Option<[u8; 32]>);
    let sql = "SELECT facility_id, invitation, invited_until, secret FROM staff WHERE user_id = ?1";
    let known: Option<Invited> = store
        .query_row(sql, [&asked.user_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let is_it = |kept: Option<[u8; 32]>| kept.is_some_and(|kept| kept.ct_eq(invitation).into());
    let Some((facility, kept, until, its_secret)) = known else {
        let sql = "SELECT invitation FROM facility WHERE id = ?1";
        let first = store.query_row(sql, [&asked.facility_id], |row| row.get(0)).optional()?.flatten();
        if !is_it(first) {
            return Err(WRONG);
        }
        store.execute("UPDATE facility SET invitation = NULL WHERE id = ?1", [&asked.facility_id])?;
        let sql = "INSERT INTO staff (user_id, facility_id, name, role, admin, secret, demo_password) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)";
        let role = demo.role.unwrap_or_default();
        store.execute(sql, (&asked.user_id, &asked.facility_id, &asked.name, role, secret, demo.has_password))?;
        return Ok(());
    };
    // The answer was lost, and it is asked again.
    if its_secret.is_some_and(|kept| kept.ct_eq(secret).into()) && facility == asked.facility_id && kept.is_none() {
        return Ok(());
    }
    if facility != asked.facility_id || !is_it(kept) || until.is_none_or(|until| until <= now()) {
        return Err(WRONG);
    }
    let sql = "UPDATE staff SET name = ?2, secret = ?3, demo_password = ?4, invitation = NULL, invited_until = NULL WHERE user_id = ?1";
    store.execute(sql, (&asked.user_id, &asked.name, secret, demo.has_password))?;
    Ok(())
}

/// A new login.
struct Login {
    caller: Caller,
    /// The cookie's value.
    token: String,
    /// Logins that ended with it.
    ended: Vec<[u8; 32]>,
}

impl Login {
    fn answer(self, app: &Shared) -> Response {
        self.ended.into_iter().for_each(|token| app.hub.end(Told::EndOfLogin(token)));
        http::with_cookie(COOKIE, &self.token, LIFE_MS / 1_000, http::json(&self.caller.to_json()))
    }
}

fn log_in(store: &Transaction<'_>, user_id: &str) -> Outcome<Login> {
    let token = base64url(&random::bytes::<32>()?);
    let hash = hash_of_token(&token).ok_or(Refused::failed(&"a token has its form"))?;
    let ends = now() + LIFE_MS as i64;
    store.execute("INSERT INTO login (token, user_id, ends) VALUES (?1, ?2, ?3)", (hash, user_id, ends))?;
    let sql = format!(
        "DELETE FROM login WHERE user_id = ?1 AND token NOT IN (SELECT token FROM login WHERE user_id = ?1 ORDER BY rowid DESC LIMIT {LOGINS}) RETURNING token"
    );
    let ended = store.prepare_cached(&sql)?.query_map([user_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let caller = of_token(store, hash)?.ok_or(Refused::unauthenticated())?;
    Ok(Login { caller, token, ended })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoggingIn {
    user_id: String,
    login_secret: String,
}

pub(crate) async fn login(
    State(app): State<Shared>,
    Address(address): Address,
    Json(asked): Json<LoggingIn>,
) -> Outcome<Response> {
    check_user(&asked.user_id)?;
    app.throttle.check(address, "login", &asked.user_id)?;
    let given = hash_of_secret(&asked.user_id, &asked.login_secret)?;
    let login = app
        .store
        .write(move |store| {
            let sql = "SELECT secret FROM staff WHERE user_id = ?1 AND removed = 0";
            let kept: Option<[u8; 32]> = store.query_row(sql, [&asked.user_id], |row| row.get(0)).optional()?.flatten();
            // Where there is nobody, as much is compared.
            let is_right = kept.unwrap_or_default().ct_eq(&given) & subtle::Choice::from(u8::from(kept.is_some()));
            if bool::from(is_right) { log_in(store, &asked.user_id) } else { Err(Refused::unauthenticated()) }
        })
        .await?;
    Ok(login.answer(&app))
}

/// Also of who isn't logged in.
pub(crate) async fn logout(State(app): State<Shared>, headers: HeaderMap) -> Outcome<Response> {
    if let Some(token) = http::cookie(&headers, COOKIE).and_then(hash_of_token) {
        app.store.write(move |store| Ok(store.execute("DELETE FROM login WHERE token = ?1", [token])?)).await?;
        app.hub.end(Told::EndOfLogin(token));
    }
    Ok(http::with_cookie(COOKIE, "", 0, http::json(&json!({}))))
}

pub(crate) async fn me(caller: Caller) -> Response {
    http::json(&caller.to_json())
}

/// A token for the key server.
pub(crate) async fn token(State(app): State<Shared>, caller: Caller) -> Response {
    let now = now_ms();
    let token = app.signer.token(app.key_server.app_id(), &caller.user_id, now);
    http::json(&json!({ "token": token, "expiresAt": iso(now + tokens::LIFE_MS) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangingSecret {
    user_id: String,
    login_secret: String,
    present_secret: Option<String>,
}

/// A new login secret, of who is logged in and knows the present one, or of who has just recovered. All other logins of this user end.
pub(crate) async fn change_secret(
    State(app): State<Shared>,
    Address(address): Address,
    headers: HeaderMap,
    Json(asked): Json<ChangingSecret>,
) -> Outcome<Response> {
    let ChangingSecret { user_id, login_secret, present_secret } = asked;
    check_user(&user_id)?;
    app.throttle.check(address, "login", &user_id)?;
    let secret = hash_of_secret(&user_id, &login_secret)?;
    let present = present_secret.map(|present| hash_of_secret(&user_id, &present)).transpose()?;
    let own = match present {
        // A cookie alone doesn't take an account over for longer than it lasts itself.
        Some(_) => {
            let caller = find(&app, &headers).await?.filter(|caller| caller.user_id == user_id);
            Some(caller.ok_or(Refused::unauthenticated())?.token)
        }
        None => None,
    };
    let user = user_id.clone();
    app.store
        .write(move |store| {
            match present {
                Some(present) => {
                    let sql = "SELECT secret FROM staff WHERE user_id = ?1 AND removed = 0";
                    let kept: Option<[u8; 32]> =
                        store.query_row(sql, [&user_id], |row| row.get(0)).optional()?.flatten();
                    // Where the answer was lost, the new one is the present one already.
                    let is_right = kept.is_some_and(|kept| bool::from(kept.ct_eq(&present) | kept.ct_eq(&secret)));
                    if !is_right {
                        return Err(Refused::unauthenticated());
                    }
                }
                None => shares::use_recovery(store, &headers, &user_id, shares::Use::Secret, &secret)?,
            }
            store.execute(
                "UPDATE staff SET secret = ?2, demo_password = 0 WHERE user_id = ?1 AND secret IS NOT NULL AND removed = 0",
                (&user_id, secret),
            )?;
            store.execute("DELETE FROM login WHERE user_id = ?1 AND token IS NOT ?2", (&user_id, own))?;
            Ok(())
        })
        .await?;
    app.hub.end(Told::EndOfUser { user, except: own });
    Ok(http::json(&json!({})).into_response())
}

/// Deletes what has ended.
pub(crate) fn tidy(store: &Transaction<'_>) -> Outcome<()> {
    store.execute("DELETE FROM login WHERE ends <= ?1", [now()])?;
    Ok(())
}
