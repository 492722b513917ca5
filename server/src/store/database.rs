//! The database, as the server has it.

use core::fmt;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering, mpsc},
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::{broadcast, oneshot};
use wardkey_rules::{
    ApiError, Event, Kept, LoggedRow, Reply, Result, Server, Store as _, StoreError, is_reading, only_reads,
    reads_journal, upkeep,
};

use super::{
    backup,
    connection::{Connection, bytes},
    ends,
    engine::{
        file::{FileEngine, Folder},
        job::{Asked, Job, Question, ReadJob, RequestJob, Task, of},
        news::News,
        pool::{Pool, Waiting},
    },
    postgres::{Postgres, Went},
    schema,
    sqlite::Sqlite,
    tables::Tables,
    tls::Address,
};

/// Where it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file of this data folder.
    Sqlite(PathBuf),
    /// At this URL, `postgres://user:password@host/database`.
    Postgres(String),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(folder) => write!(f, "Sqlite({})", folder.display()),
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

/// How it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Make the tables, or those of an earlier version this one's, where they aren't.
    pub migrate: bool,
    /// Threads that read, of SQLite; connections, of PostgreSQL.
    pub threads: usize,
    /// Requests that wait. More are refused, with `throttled`.
    pub waiting: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { migrate: true, threads: 2, waiting: 1_024 }
    }
}

/// How long a database that is well takes to say so.
const WELL: Duration = Duration::from_secs(3);

/// A handle: copies are of the same database.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    engine: Engine,
    news: Arc<News>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// The last one.
    chaining: Mutex<Option<JoinHandle<()>>>,
}

enum Engine {
    File(FileEngine),
    Pool(Pool),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.engine {
            Engine::File(_) => "Database(SQLite)",
            Engine::Pool(_) => "Database(PostgreSQL)",
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    /// Takes nothing in any more, and waits until all is done.
    fn close(&self) {
        match &self.engine {
            Engine::File(file) => {
                file.reads.close();
                file.writes.close();
            }
            Engine::Pool(pool) => {
                pool.jobs.close();
                pool.is_over.store(true, Ordering::Relaxed);
            }
        }
        let threads = core::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            thread.join().ok();
        }
        if let Engine::Pool(pool) = &self.engine {
            pool.chain.end();
        }
        let chaining = self.chaining.lock().unwrap_or_else(PoisonError::into_inner).take();
        chaining.map(JoinHandle::join);
    }

    /// Lets it wait for its turn.
    fn push(&self, job: Box<dyn Job>, only_reads: bool) -> Result<()> {
        let refused = match &self.engine {
            Engine::File(file) => {
                let jobs = if only_reads { &file.reads } else { &file.writes };
                jobs.push(job).map_err(|(_, refused)| refused)
            }
            Engine::Pool(pool) => pool.jobs.push(Waiting::new(job, only_reads)).map_err(|(_, refused)| refused),
        };
        refused.map_err(ApiError::from)
    }

    /// Runs this in a transaction, and waits for it.
    fn run<T: Send + 'static>(
        &self,
        only_reads: bool,
        work: impl FnMut(&mut dyn Connection) -> Kept<T> + Send + 'static,
    ) -> Kept<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let task = Task::new(only_reads, work, move |done| drop(sender.send(done)));
        self.push(Box::new(task), only_reads).map_err(|error| of(&error))?;
        receiver.recv().unwrap_or_else(|_| Err(gone()))
    }

    async fn run_async<T: Send + 'static>(
        &self,
        only_reads: bool,
        work: impl FnMut(&mut dyn Connection) -> Kept<T> + Send + 'static,
    ) -> Kept<T> {
        let (sender, receiver) = oneshot::channel();
        let task = Task::new(only_reads, work, move |done| drop(sender.send(done)));
        self.push(Box::new(task), only_reads).map_err(|error| of(&error))?;
        receiver.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> StoreError {
    StoreError("the store's thread has ended".to_owned())
}

/// In another thread: a client of PostgreSQL isn't made among asynchronous tasks.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> Kept<T> + Send) -> Kept<T> {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|_| Err(gone())))
}

/// A transaction, for who serves nobody yet.
pub(crate) fn transaction<T>(store: &mut Postgres, mut work: impl FnMut(&mut dyn Connection) -> Kept<T>) -> Kept<T> {
    let mut tries = 0;
    loop {
        let mut done = None;
        let went = store.transaction(false, |store| {
            let worked = work(store)?;
            done = Some(worked);
            Ok(true)
        });
        tries += 1;
        match (went, done) {
            (Went::Ended(Ok(())), Some(done)) => return Ok(done),
            (Went::Refused(_), _) if tries < 10 => std::thread::sleep(Duration::from_millis(20 * tries)),
            (Went::Ended(Err(error)) | Went::Refused(error) | Went::Lost(error), _) => return Err(error),
            (Went::Ended(Ok(())), None) => return Err(gone()),
        }
    }
}

impl Database {
    /// Opens it, and begins to work.
    ///
    /// # Errors
    /// What the database says; another process that has the folder; tables of another version, but where they may be made.
    pub fn open(place: &Place, options: Options) -> Kept<Self> {
        let (engine, threads, chaining, news) = match place {
            Place::Sqlite(folder) => {
                let news = News::new(false);
                let folder = Folder::hold(folder)?;
                let mut writer = folder.writer()?;
                migrate_file(&mut writer, options.migrate)?;
                writer.keep_ends(ends::MOST)?;
                let mut file = FileEngine::begin(folder, writer, options.threads, options.waiting)?;
                let threads = core::mem::take(&mut file.threads);
                (Engine::File(file), threads, None, Arc::new(news))
            }
            Place::Postgres(url) => {
                let (news, address) = (Arc::new(News::new(true)), Address::parse(url)?);
                apart(|| migrate_shared(&address, options.migrate))?;
                let mut pool = Pool::begin(&address, options.threads, options.waiting, &news)?;
                let threads = core::mem::take(&mut pool.threads);
                let chaining = pool.chaining.take();
                (Engine::Pool(pool), threads, chaining, news)
            }
        };
        Ok(Self(Arc::new(Inner { engine, news, threads: Mutex::new(threads), chaining: Mutex::new(chaining) })))
    }

    /// Makes the tables of this version.
    ///
    /// # Errors
    /// As of [`Self::open`].
    pub fn migrate(place: &Place) -> Kept<()> {
        match place {
            Place::Sqlite(folder) => {
                let folder = Folder::hold(folder)?;
                migrate_file(&mut folder.writer()?, true)
            }
            Place::Postgres(url) => {
                let address = Address::parse(url)?;
                apart(|| migrate_shared(&address, true))
            }
        }
    }

    /// Writes all that there is to a file, as it is at one moment, while others serve from it. A file that is there is replaced when the new one is whole.
    ///
    /// # Errors
    /// What the database says; what the disk says.
    pub fn backup(place: &Place, to: &Path) -> Kept<()> {
        backup::write(place, to)
    }

    /// Makes a database of a backup: another one than it was made of, if that is wanted. Nobody serves from it meanwhile. Where there is one already, it is replaced only
    /// with `force`. Then [`Self::is_restored`].
    ///
    /// # Errors
    /// What the database says; a backup that isn't whole.
    pub fn restore(from: &Path, place: &Place, force: bool) -> Kept<()> {
        backup::restore(from, place, force)
    }

    /// Reads the journal's log as it is at one moment, while others serve from it; with it, the key server's own secrets as they were put.
    ///
    /// # Errors
    /// What `read` and the database say.
    pub fn read_log<T: Send>(
        place: &Place,
        read: impl FnOnce(Option<Vec<u8>>, &mut dyn FnMut(u64, usize) -> Kept<Vec<LoggedRow>>) -> T + Send,
    ) -> Kept<T> {
        backup::at_one_moment(place, |store| {
            let secrets = setting(store, SECRETS)?;
            Ok(read(secrets, &mut |after, most| Tables(store).log_rows(after, most)))
        })
    }

    /// One request, in one serializable transaction; answered when that is durable. It takes effect though nobody waits for the answer any more.
    ///
    /// # Errors
    /// Those of the API: `throttled` where too much waits, `server` where the database fails.
    pub async fn request(&self, server: &Arc<Server>, asked: Asked, now_ms: u64) -> Result<Reply> {
        let (reply, receiver) = oneshot::channel();
        let (reads, writes_nothing) = (is_reading(&asked.method, &asked.path), only_reads(&asked.method, &asked.path));
        let (server, news) = (Arc::clone(server), Arc::clone(&self.0.news));
        let question = Question { server, asked, now_ms, news, reply };
        match &self.0.engine {
            // Where journals end, only the one that writes knows.
            Engine::File(file) if reads && reads_journal(&question.asked.method, &question.asked.path) => {
                let refused = file.writes.push(Box::new(RequestJob::new(question))).map_err(|(_, refused)| refused);
                refused.map_err(ApiError::from)?;
            }
            Engine::File(file) if reads => {
                let (changes, writes) = (Arc::clone(&file.changes), Arc::clone(&file.writes));
                self.0.push(Box::new(ReadJob::new(question, changes, writes)), true)?;
            }
            _ => self.0.push(Box::new(RequestJob::new(question)), writes_nothing)?,
        }
        receiver.await.unwrap_or_else(|_| Err(gone().into()))
    }

    /// Anything else in one transaction, which is kept if this succeeds; it may be run more than once. Whoever only reads says so.
    ///
    /// # Errors
    /// Those of `work`; what the database says.
    pub async fn transaction<T: Send + 'static>(
        &self,
        only_reads: bool,
        work: impl FnMut(&mut dyn Connection) -> Kept<T> + Send + 'static,
    ) -> Kept<T> {
        self.0.run_async(only_reads, work).await
    }

    /// The same, for who isn't a task.
    ///
    /// # Errors
    /// Likewise.
    pub fn blocking_transaction<T: Send + 'static>(
        &self,
        only_reads: bool,
        work: impl FnMut(&mut dyn Connection) -> Kept<T> + Send + 'static,
    ) -> Kept<T> {
        self.0.run(only_reads, work)
    }

    /// What users' clients are told, from now on: of this process, and of all others on the same database.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.news.listen()
    }

    /// The key server's own secrets, as they were put.
    ///
    /// # Errors
    /// What the database says.
    pub fn secrets(&self) -> Kept<Option<Vec<u8>>> {
        self.0.run(true, |store| setting(store, SECRETS))
    }

    /// Keeps the key server's own secrets where there are none. Gives those that there are then: another process may have been first.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_secrets(&self, secrets: &[u8]) -> Kept<Vec<u8>> {
        let secrets = secrets.to_vec();
        self.0.run(false, move |store| {
            if let Some(known) = setting(store, SECRETS)? {
                return Ok(known);
            }
            put_setting(store, SECRETS, &secrets)?;
            Ok(secrets.clone())
        })
    }

    /// Keeps other secrets in the place of these, and takes the mark of a restore away. False: there are others than these already.
    ///
    /// # Errors
    /// What the database says.
    pub fn replace_secrets(&self, before: &[u8], after: &[u8]) -> Kept<bool> {
        let (before, after) = (before.to_vec(), after.to_vec());
        self.0.run(false, move |store| {
            if setting(store, SECRETS)?.as_ref() != Some(&before) {
                return Ok(false);
            }
            put_setting(store, SECRETS, &after)?;
            store.run("DELETE FROM server WHERE name = 'restored'", &[])?;
            Ok(true)
        })
    }

    /// Was this database restored from a backup, and the store not been given another name since? See [`Server::rename_store`].
    ///
    /// # Errors
    /// What the database says.
    pub fn is_restored(&self) -> Kept<bool> {
        self.0.run(true, |store| Ok(setting(store, RESTORED)?.is_some()))
    }

    /// Drops what nobody looks at any more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn upkeep(&self, now_ms: u64) -> Kept<()> {
        let news = Arc::clone(&self.0.news);
        let work = move |store: &mut dyn Connection| {
            upkeep(&mut Tables(store), now_ms)?;
            news.forget(store, now_ms)
        };
        self.0.run_async(false, work).await
    }

    /// Does it read and write?
    pub async fn is_well(&self) -> bool {
        let reads = self.0.run_async(true, schema::check);
        // Another value each time: SQLite writes nothing where nothing changes.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_be_bytes();
        let writes = self.0.run_async(false, move |store| put_setting(store, PROBE, &now));
        let both = async { reads.await.is_ok() && writes.await.is_ok() };
        tokio::time::timeout(WELL, both).await.unwrap_or(false)
    }

    /// Finishes what waits, and takes nothing in any more.
    pub async fn close(self) {
        // Its threads are waited for elsewhere: tasks that wait for an answer go on meanwhile.
        tokio::task::spawn_blocking(move || self.0.close()).await.ok();
    }
}

const SECRETS: &str = "secrets";
pub(crate) const RESTORED: &str = "restored";
const PROBE: &str = "probe";

fn setting(store: &mut dyn Connection, name: &str) -> Kept<Option<Vec<u8>>> {
    let rows = store.rows("SELECT value FROM server WHERE name = ?1", &[super::connection::text(name)])?;
    rows.into_iter().next().map(|mut row| row.bytes()).transpose()
}

pub(crate) fn put_setting(store: &mut dyn Connection, name: &str, value: &[u8]) -> Kept<()> {
    let sql =
        "INSERT INTO server (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    store.run(sql, &[super::connection::text(name), bytes(value)]).map(drop)
}

pub(crate) fn migrate_file(store: &mut Sqlite, may_migrate: bool) -> Kept<()> {
    if !may_migrate {
        return schema::check(store);
    }
    while store.transaction(|store| schema::step(store))? < schema::VERSION {}
    Ok(())
}

pub(crate) fn migrate_shared(address: &Address, may_migrate: bool) -> Kept<()> {
    let mut store = Postgres::connect(address)?;
    if !may_migrate {
        return schema::check(&mut store);
    }
    let mut tries = 0;
    loop {
        match transaction(&mut store, &mut schema::step) {
            Ok(schema::VERSION) => return Ok(()),
            Ok(_) => {}
            // Two processes make the same tables: one is first.
            Err(_) if tries < 3 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(300));
            }
            Err(error) => return Err(error),
        }
    }
}
