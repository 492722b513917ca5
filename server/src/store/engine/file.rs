//! SQLite in a data folder: who holds it, one that writes and some that read.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};

use wardkey_rules::{Kept, StoreError, chain_journal};

use super::{
    super::{sqlite::Sqlite, tables::Tables},
    changes::Changes,
    checkpoint::{Checkpoints, Restarts},
    job::{Job, of, run, survive},
    queue::Queue,
    threads,
};

/// The database's file in its folder.
const FILE: &str = "wardkey.db";
/// Who holds a lock on it may write.
const LOCK: &str = "wardkey.lock";
/// Requests of one commit.
const GROUP: usize = 64;
/// How long one gathers for a commit.
const GATHER: Duration = Duration::from_millis(10);

/// So long the journals' ends are written at an orderly end.
const PUTTING_AWAY: Duration = Duration::from_secs(5);
/// How long one waits for who leaves.
const LEAVING: Duration = Duration::from_secs(1);

type Jobs = Queue<Box<dyn Job>>;

fn said(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError(format!("{what} {}: {error}", path.display()))
}

/// The data folder, which no other process has while this is kept.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Released when it is closed.
    _lock: File,
}

impl Folder {
    /// Makes the folder where there is none, and holds it.
    pub(crate) fn hold(path: &Path) -> Kept<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| said("the data folder", path, &error))?;
        let lock_path = path.join(LOCK);
        let lock = private(&lock_path)?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_owned(), _lock: lock }),
                // One that stops just now may have it still.
                Err(TryLockError::WouldBlock) if begun.elapsed() < LEAVING => sleep(LEAVING / 20),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError(format!(
                        "another wardkey-server has the data folder {}: SQLite is for one process, PostgreSQL for many",
                        path.display()
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(said("the lock", &lock_path, &error)),
            }
        }
    }

    /// The database's file: none but its owner may read it. SQLite gives its log the same rights.
    fn file(&self) -> Kept<File> {
        private(&database_file(&self.path))
    }

    /// The connection that writes to it.
    pub(crate) fn writer(&self) -> Kept<Sqlite> {
        self.file()?;
        Sqlite::writer(&database_file(&self.path))
    }
}

/// The database's file in this folder.
pub(crate) fn database_file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Opens a file, which is made where there is none, and takes everybody else's rights from it.
pub(crate) fn private(path: &Path) -> Kept<File> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = opened.map_err(|error| said("the file", path, &error))?;
    let is_open = file.metadata().is_ok_and(|about| about.permissions().mode() & 0o077 != 0);
    if is_open {
        let closed = file.set_permissions(std::fs::Permissions::from_mode(0o600));
        closed.map_err(|error| said("the rights of", path, &error))?;
    }
    Ok(file)
}

/// What is kept while any connection is open: whoever closes a file takes SQLite's locks on it from the whole process,
/// <https://www.sqlite.org/howtocorrupt.html>, section 2.2.
struct Held {
    file: File,
    /// No other process has it before.
    _folder: Folder,
}

/// A file's threads.
pub(crate) struct FileEngine {
    pub(crate) writes: Arc<Jobs>,
    pub(crate) reads: Arc<Jobs>,
    pub(crate) changes: Arc<Changes>,
    pub(crate) threads: Vec<JoinHandle<()>>,
}

impl FileEngine {
    /// Begins to work, and holds the folder until it has ended. The writer has been opened already, and knows the tables.
    pub(crate) fn begin(folder: Folder, writer: Sqlite, readers: usize, most: usize) -> Kept<Self> {
        let (writes, reads) = (Arc::new(Queue::new(most)), Arc::new(Queue::new(most)));
        let mut workers: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        let path = database_file(&folder.path);
        let held = Arc::new(Held { file: folder.file()?, _folder: folder });
        // Closed before it.
        let mut writer = writer;
        for _ in 0..readers.max(1) {
            let (mut reader, jobs, held) = (Sqlite::reader(&path)?, Arc::clone(&reads), Arc::clone(&held));
            workers.push(Box::new(move || {
                read(&mut reader, &jobs);
                drop((reader, held));
            }));
        }
        let checkpoints = Arc::new(Checkpoints::new());
        let mut restarts = Restarts::new(Arc::clone(&checkpoints));
        let (log, held_too) = (writer.leaves_log(&path)?, Arc::clone(&held));
        workers.push(Box::new(move || {
            checkpoints.work(&log, &held_too.file);
            drop((log, held_too));
        }));
        let changes = Arc::new(Changes::default());
        let (jobs, changed) = (Arc::clone(&writes), Arc::clone(&changes));
        workers.push(Box::new(move || {
            write(&mut writer, &jobs, &changed, &mut restarts);
            if let Err(error) = put_ends_away(&mut writer, &mut restarts) {
                tracing::warn!(error = error.0, "the journals' ends are found anew at the next start");
            }
            drop(restarts);
            writer.end_log();
            drop((writer, held));
        }));
        // Those that were started end when there is nothing to wait for.
        let threads = threads(workers).inspect_err(|_| {
            reads.close();
            writes.close();
        })?;
        Ok(Self { writes, reads, changes, threads })
    }
}

/// Each job has the state of one moment.
fn read(reader: &mut Sqlite, jobs: &Jobs) {
    while let Some(mut job) = jobs.next() {
        let end = reader.step("BEGIN").and_then(|()| run(job.as_mut(), reader).map(drop));
        // Nothing was written.
        reader.roll_back();
        job.answer(end.map_err(Into::into));
    }
}

/// The next job. While none comes, what was deleted goes from the log as soon as nobody reads it.
fn next(writer: &mut Sqlite, jobs: &Jobs) -> Option<Box<dyn Job>> {
    while let Some(due) = writer.wipes_at()
        && !jobs.is_ready_by(due)
    {
        writer.wipe_if_due();
    }
    jobs.next()
}

/// All that came while the disk was busy is one transaction, each job a part of it that is kept or not; then all are answered.
fn write(writer: &mut Sqlite, jobs: &Jobs, changes: &Changes, restarts: &mut Restarts) {
    while let Some(first) = next(writer, jobs) {
        let mut group = Vec::with_capacity(GROUP);
        let end = write_group(writer, first, (jobs, changes), &mut group)
            .and_then(|()| survive(|| chain(writer, &group)))
            .and_then(|()| writer.commit());
        changes.keep();
        if end.is_err() {
            writer.roll_back();
        }
        for (job, panicked) in group {
            job.answer(panicked.map_or_else(|| end.clone(), Err).map_err(Into::into));
        }
        restarts.look(writer);
    }
}

/// Nobody waits for a commit any more. What isn't written in time is found anew at the next start.
fn put_ends_away(writer: &mut Sqlite, restarts: &mut Restarts) -> Kept<()> {
    let begun = Instant::now();
    while begun.elapsed() < PUTTING_AWAY && !writer.puts_ends_away()? {
        restarts.look(writer);
    }
    Ok(())
}

/// What they told the journal is put into its log, once for all of them.
fn chain(writer: &mut Sqlite, group: &[Done]) -> Kept<()> {
    let Some((server, now_ms)) = group.iter().rev().find_map(|(job, _)| job.told()) else { return Ok(()) };
    while chain_journal(&mut Tables(writer), server, now_ms).map_err(|error| of(&error))? > 0 {}
    Ok(())
}

type Done = (Box<dyn Job>, Option<StoreError>);

/// Each job, as it was taken from the queue, is in the group: it will be answered.
fn write_group(
    writer: &mut Sqlite,
    first: Box<dyn Job>,
    (jobs, changes): (&Jobs, &Changes),
    group: &mut Vec<Done>,
) -> Kept<()> {
    let begun = Instant::now();
    group.push((first, None));
    writer.step("BEGIN IMMEDIATE")?;
    loop {
        let Some((job, panicked)) = group.last_mut() else { return Ok(()) };
        let begun_part = writer.begin_part()?;
        let done = run(job.as_mut(), writer);
        if !writer.is_within() {
            return Err(StoreError("SQLite has ended the transaction".to_owned()));
        }
        let keeps = matches!(done, Ok(true));
        if keeps && job.disturbs() {
            changes.add();
        }
        writer.end_part(begun_part, keeps)?;
        *panicked = done.err();
        if group.len() >= GROUP || begun.elapsed() >= GATHER {
            return Ok(());
        }
        match jobs.next_if_any() {
            Some(next) => group.push((next, None)),
            None => return Ok(()),
        }
    }
}
