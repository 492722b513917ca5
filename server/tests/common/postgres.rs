//! A real PostgreSQL, which a test starts, and which is gone with it.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

const HOW: &str = "these tests start a real PostgreSQL: install it (Debian: apt-get install postgresql), or put initdb and postgres on the PATH";
/// `nobody`, of Debian: PostgreSQL isn't run by root.
const NOBODY: u32 = 65_534;

pub(crate) struct Postgres {
    folder: PathBuf,
    child: Option<Child>,
    port: u16,
}

/// A program of PostgreSQL: on the PATH, or where Debian puts it.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{HOW}"))
}

fn is_root() -> bool {
    // Who made this folder is who runs.
    let folder = std::env::temp_dir().join(format!("wardkey-who-{}-{}", std::process::id(), unique()));
    fs::create_dir(&folder).unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&folder).unwrap());
    fs::remove_dir(&folder).unwrap();
    owner == 0
}

fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn command(name: &str) -> Command {
    let mut command = Command::new(program(name));
    command.env("LC_ALL", "C.UTF-8").env_remove("LANG").stdin(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    command
}

impl Postgres {
    /// One of its own, empty, at a free port.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with more settings: `name=value`.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("wardkey-postgres-{}-{}", std::process::id(), unique()));
        fs::create_dir(&folder).unwrap();
        if is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.join("data");
        let made = command("initdb")
            .args(["--auth=trust", "--username=wardkey", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap_or_else(|error| panic!("{HOW}: {error}"));
        assert!(made.status.success(), "{HOW}: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut started = Self { folder, child: None, port };
        let lines = settings.iter().map(|setting| format!("{setting}\n")).collect::<String>();
        let file = data.join("postgresql.auto.conf");
        fs::write(file, lines).unwrap();
        started.restart();
        started
    }

    pub(crate) fn url(&self) -> String {
        self.url_of("postgres")
    }

    pub(crate) fn url_of(&self, database: &str) -> String {
        format!("postgres://wardkey@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Another empty database of this server. Gives its URL.
    pub(crate) fn database(&self) -> String {
        let name = format!("test_{}", unique());
        self.run(&format!("CREATE DATABASE {name}"));
        self.url_of(&name)
    }

    /// Another database of this server, with all that is in the database of that name, which nobody is connected to. Gives its URL.
    pub(crate) fn copy_of(&self, database: &str) -> String {
        let name = format!("test_{}", unique());
        self.run(&format!("CREATE DATABASE {name} TEMPLATE {database}"));
        self.url_of(&name)
    }

    /// Something that a test does to the database behind the server's back.
    pub(crate) fn run(&self, sql: &str) {
        self.batch(sql).unwrap();
    }

    /// In a thread: a blocking client isn't for tasks.
    fn batch(&self, sql: &str) -> Result<(), postgres::Error> {
        let batch = || postgres::Client::connect(&self.url(), postgres::NoTls)?.batch_execute(sql);
        std::thread::scope(|scope| scope.spawn(batch).join().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // SIGQUIT: without a checkpoint, but with its children.
            let ended = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status().unwrap();
            assert!(ended.success());
            child.wait().unwrap();
        }
    }

    /// Starts it, where it was stopped.
    pub(crate) fn restart(&mut self) {
        let child = command("postgres")
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c"])
            .arg(format!("port={}", self.port))
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.folder.display()))
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let begun = Instant::now();
        while let Err(error) = self.batch("SELECT 1") {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(120), "PostgreSQL doesn't start: {error}\n{log}");
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        fs::remove_dir_all(&self.folder).ok();
    }
}
