//! One-time codes by mail: RFC 5321 to the operator's mail server, or files for development. A code goes out after its request was answered; what fails is tried
//! again while the code is good, and the log says so without address or code.

use core::{fmt, time::Duration};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use wardkey_rules::Mail;

use crate::clock::now_ms;

/// Mails that wait. What comes beyond that is refused, and said in the log: tries are limited long before.
const QUEUE: usize = 1_000;
/// Mails on their way at once.
const WORKERS: usize = 4;
/// How long one delivery may take.
const DELIVERY: Duration = Duration::from_secs(60);
/// Pauses between tries; a code is good for ten minutes.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20), Duration::from_secs(60)];

/// In which language a code is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// English
    #[default]
    En,
    /// Français
    Fr,
    /// Deutsch
    De,
}

impl Language {
    /// The first of these languages in a header `Accept-Language` (RFC 9110, section 12.5.4), by its weights.
    #[must_use]
    pub(crate) fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',') {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0);
            let language = match tag.split('-').next() {
                Some("en") => Self::En,
                Some("fr") => Self::Fr,
                Some("de") => Self::De,
                _ => continue,
            };
            if weight > 0.0 && best.is_none_or(|(other, _)| weight > other) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// Subject and text.
    fn written(self, service: &str, mail: &Mail) -> (String, String) {
        let code = &mail.code;
        let account = mail.user_id.as_ref().map(wardkey::identity::UserId::as_str);
        match self {
            Self::En => (
                format!("{service}: your code"),
                match account {
                    Some(user) => format!(
                        "Your code is\n\n    {code}\n\nIt recovers the keys of the account \"{user}\" and is good for 10 minutes.\n\n\
                         Nobody will ask you for it: type it only where you have just asked for it yourself. If you haven't, do nothing: \
                         without this code nothing happens.\n"
                    ),
                    None => format!(
                        "Your code is\n\n    {code}\n\nA group claims the records that were sent to you before it existed. The code is good for 10 minutes.\n\n\
                         Give it only to the administrator of your own group. If you know of none, do nothing: without this code nothing happens.\n"
                    ),
                },
            ),
            Self::Fr => (
                format!("{service} : votre code"),
                match account {
                    Some(user) => format!(
                        "Votre code est\n\n    {code}\n\nIl rétablit les clés du compte « {user} » et il est valable 10 minutes.\n\n\
                         Personne ne vous le demandera : ne le saisissez que là où vous venez de le demander vous-même. Si ce n'est pas vous, \
                         ne faites rien : sans ce code, il ne se passe rien.\n"
                    ),
                    None => format!(
                        "Votre code est\n\n    {code}\n\nUn groupe réclame les dossiers qui vous ont été envoyés avant qu'il n'existe. Le code est valable 10 minutes.\n\n\
                         Ne le donnez qu'à l'administrateur de votre propre groupe. Si vous n'en connaissez pas, ne faites rien : sans ce code, \
                         il ne se passe rien.\n"
                    ),
                },
            ),
            Self::De => (
                format!("{service}: Ihr Code"),
                match account {
                    Some(user) => format!(
                        "Ihr Code lautet\n\n    {code}\n\nEr stellt die Schlüssel des Kontos „{user}“ wieder her und gilt 10 Minuten.\n\n\
                         Niemand wird Sie danach fragen: Geben Sie ihn nur dort ein, wo Sie ihn eben selbst angefordert haben. Waren Sie es nicht, \
                         so tun Sie nichts: Ohne diesen Code geschieht nichts.\n"
                    ),
                    None => format!(
                        "Ihr Code lautet\n\n    {code}\n\nEine Gruppe beansprucht die Akten, die Ihnen gesendet wurden, bevor es sie gab. Der Code gilt 10 Minuten.\n\n\
                         Geben Sie ihn nur dem Verwalter Ihrer eigenen Gruppe. Kennen Sie keinen, so tun Sie nichts: Ohne diesen Code geschieht nichts.\n"
                    ),
                },
            ),
        }
    }
}

/// Where mails go.
pub(crate) enum Post {
    /// A mail server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// Files of this folder, one for each mail: for development.
    Folder(PathBuf),
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smtp(_) => f.write_str("Smtp(..)"),
            Self::Folder(folder) => write!(f, "Folder({})", folder.display()),
        }
    }
}

impl Post {
    /// A mail server by its URL: `smtps://user:password@host:465`, `smtp://host:587?tls=required`, `smtp://127.0.0.1:25`.
    ///
    /// # Errors
    /// What is wrong with the URL, which is not told again: a password may stand in it.
    pub(crate) fn smtp(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("smtp://");
        let host =
            rest.map(|rest| rest.split(['/', '?']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default());
        let is_near = |host: &str| {
            ["localhost", "127.0.0.1", "[::1]"]
                .iter()
                .any(|near| host.strip_prefix(near).is_some_and(|port| port.is_empty() || port.starts_with(':')))
        };
        if host.is_some_and(|host| !is_near(host)) && !url.contains("tls=") {
            return Err("codes would go readable over a network: ?tls=required, or smtps://; ?tls=opportunistic where that is meant".to_owned());
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| "not the URL of a mail server, as smtps://user:password@host:465".to_owned())?;
        Ok(Self::Smtp(transport.timeout(Some(DELIVERY)).build()))
    }

    async fn deliver(&self, message: Message, number: u64) -> Result<(), Undelivered> {
        match self {
            Self::Smtp(transport) => {
                let sent = timeout(DELIVERY, transport.send(message)).await;
                let sent = sent.map_err(|_| Undelivered::for_now("the mail server didn't answer in time"))?;
                // What a mail server says may hold the address.
                sent.map(drop).map_err(|error| Undelivered {
                    why: error.status().map_or_else(
                        || "the mail server can't be reached".to_owned(),
                        |status| format!("the mail server answered {status}"),
                    ),
                    for_good: error.is_permanent(),
                })
            }
            Self::Folder(folder) => {
                let (folder, text) = (folder.clone(), message.formatted());
                let written = tokio::task::spawn_blocking(move || write_whole(&folder, number, &text)).await;
                written
                    .ok()
                    .and_then(Result::ok)
                    .ok_or_else(|| Undelivered::for_now("the mail's file can't be written"))
            }
        }
    }
}

/// Whoever watches the folder sees the whole file or none.
fn write_whole(folder: &Path, number: u64, text: &[u8]) -> io::Result<()> {
    let (begun, whole) = (folder.join(format!("{number}.tmp")), folder.join(format!("{number}.eml")));
    fs::write(&begun, text)?;
    fs::rename(begun, whole)
}

/// Why a mail wasn't taken. It holds no address.
struct Undelivered {
    why: String,
    /// The mail server refuses it, now and later.
    for_good: bool,
}

impl Undelivered {
    fn for_now(why: &str) -> Self {
        Self { why: why.to_owned(), for_good: false }
    }
}

/// How codes are sent.
#[derive(Debug)]
pub(crate) struct Letters {
    /// The sender.
    pub from: Mailbox,
    /// What the service is called, in subjects.
    pub service: String,
    /// Where the request's language is none of ours, or nobody asked.
    pub language: Language,
    /// Where they go.
    pub post: Post,
}

impl Letters {
    fn message(&self, mail: &Mail, language: Language) -> Option<Message> {
        let (subject, text) = language.written(&self.service, mail);
        let to = mail.to.parse().ok()?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            // RFC 3834: no automatic answers.
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .ok()
    }
}

#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn core::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// How many mails went out, and how many never did.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Delivered to the mail server.
    pub sent: AtomicU64,
    /// Given up.
    pub failed: AtomicU64,
}

/// Takes mails and sends them one after the other, several at once.
#[derive(Debug)]
pub(crate) struct Mailer {
    /// None: it is closed.
    queue: Mutex<Option<mpsc::Sender<(Mail, Language)>>>,
    language: Language,
    counts: Arc<Counts>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl Mailer {
    /// Begins to work.
    #[must_use]
    pub(crate) fn start(letters: Letters) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (language, counts) = (letters.language, Arc::<Counts>::default());
        // Files of a folder are numbered on after those that are there.
        let shared = Arc::new((letters, tokio::sync::Mutex::new(waiting), AtomicU64::new(now_ms())));
        let worker = || tokio::spawn(work(Arc::clone(&shared), Arc::clone(&counts)));
        let workers = (0..WORKERS).map(|_| worker()).collect();
        Self { queue: Mutex::new(Some(queue)), language, counts, workers: Mutex::new(workers) }
    }

    /// Takes a mail, in the language that the request asks for.
    pub(crate) fn send(&self, mail: Mail, language: Option<Language>) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mail = (mail, language.unwrap_or(self.language));
        if queue.as_ref().is_none_or(|queue| queue.try_send(mail).is_err()) {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!("a mail was dropped: too many wait");
        }
    }

    /// What became of mails.
    #[must_use]
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Sends what waits, for as long as one delivery may take.
    pub(crate) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let workers = core::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            let _ = timeout(DELIVERY, worker).await;
        }
    }
}

type Waiting = tokio::sync::Mutex<mpsc::Receiver<(Mail, Language)>>;

async fn work(shared: Arc<(Letters, Waiting, AtomicU64)>, counts: Arc<Counts>) {
    let (letters, waiting, numbers) = &*shared;
    loop {
        let next = waiting.lock().await.recv().await;
        let Some((mail, language)) = next else { return };
        let Some(message) = letters.message(&mail, language) else {
            counts.failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!("a mail can't be written: the address isn't one for mail");
            continue;
        };
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let mut pauses = PAUSES.iter();
        loop {
            let Err(Undelivered { why, for_good }) = letters.post.deliver(message.clone(), number).await else {
                counts.sent.fetch_add(1, Ordering::Relaxed);
                break;
            };
            let Some(pause) = pauses.next().filter(|_| !for_good) else {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(why, "a mail was given up");
                break;
            };
            tracing::warn!(why, "a mail is tried again");
            sleep(*pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardkey::identity::UserId;

    #[test]
    fn languages_by_weight() {
        for (header, language) in [
            ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", Some(Language::Fr)),
            ("it, de;q=0.5, en;q=0.6", Some(Language::En)),
            ("de-DE", Some(Language::De)),
            ("it", None),
            ("fr;q=0", None),
            ("", None),
            (";;;,,q=", None),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    #[test]
    fn a_mail_has_its_code_in_each_language() {
        let user_id = Some(UserId::new("alice").unwrap());
        for user_id in [user_id, None] {
            let mail = Mail { to: "a@b.example".to_owned(), user_id, code: "01234567".to_owned() };
            let texts = [Language::En, Language::Fr, Language::De].map(|language| language.written("Ward", &mail).1);
            for text in &texts {
                assert!(text.contains("\n    01234567\n"));
                assert_eq!(text.contains("alice"), mail.user_id.is_some());
            }
            assert!(texts[0] != texts[1] && texts[1] != texts[2]);
        }
    }
}
