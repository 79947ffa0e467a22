//! PostgreSQL in a cluster of its own, written by its own `pgbench`.
//!
//! In a plain table it has every advantage that one synchronous insert for each record leaves it: a
//! client in C that prepares the statement once, a socket file in place of a network, room to put
//! checkpoints off, no hashing, no signing, no encryption.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::figures::{Measured, Rows};
use crate::options::Plan;
use crate::sample::Sample;

/// More callers share so many connections: each is a process of PostgreSQL.
pub(crate) const CONNECTIONS_MAX: usize = 256;

/// Also allowed to whoever makes the table.
const CONNECTIONS_MORE: usize = 8;
const START_MAX: Duration = Duration::from_secs(30);
const READY: &str = "ready to accept connections";
/// Whom PostgreSQL runs as where we are root, as which it does not run.
const USER: &str = "postgres";
const TABLES: &str = "
CREATE TABLE plain (
    index bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    leaf bytea NOT NULL,
    sealed bytea NOT NULL
);
CREATE TABLE chained (
    index bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    leaf bytea NOT NULL,
    sealed bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE FUNCTION chain(leaf bytea, sealed bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Until this one is committed, nobody knows what the next one follows.
    PERFORM pg_advisory_xact_lock(1);
    INSERT INTO chained (leaf, sealed, hash) VALUES (leaf, sealed, sha256(
        coalesce((SELECT hash FROM chained ORDER BY index DESC LIMIT 1), '') || leaf || sealed));
END $$;";
const BREAKS: &str = "
SELECT count(*) FROM (
    SELECT hash, leaf || sealed AS row, lag(hash, 1, '') OVER (ORDER BY index) AS before
    FROM chained
) AS link WHERE hash <> sha256(before || row)";
const PLAIN: &str = "INSERT INTO plain (leaf, sealed) VALUES (:leaf, :sealed);\n";
const CHAINED: &str = "SELECT chain(:leaf, :sealed);\n";

/// A running server. It is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<User>,
    version: String,
    parts: [String; 2],
    server: Child,
}

#[derive(Clone, Copy, Debug)]
struct User {
    uid: u32,
    gid: u32,
}

/// There is no PostgreSQL in the folder where it should be.
#[derive(Debug)]
pub(crate) struct Missing;

impl Postgres {
    /// Starts one below `dir`; the inner error where it is not installed.
    pub(crate) fn start(
        programs: &Path,
        dir: &Path,
        sample: &Sample,
        callers_max: usize,
    ) -> Result<Result<Postgres, Missing>> {
        let needed = ["initdb", "postgres", "pg_ctl", "psql", "pgbench"];
        if !needed
            .iter()
            .all(|program| programs.join(program).is_file())
        {
            return Ok(Err(Missing));
        }
        let folder = dir.join("postgres");
        fs::create_dir(&folder)?;
        let user = user()?;
        if let Some(User { uid, gid }) = user {
            chown(&folder, Some(uid), Some(gid))?;
        }
        let cluster = Cluster {
            programs,
            folder: &folder,
            user,
        };
        let version = finish(cluster.command("postgres").arg("--version"))?;
        let data = folder.join("data");
        let init = [
            "--auth=trust",
            "--no-locale",
            "--encoding=UTF8",
            "--username=bench",
        ];
        finish(
            cluster
                .command("initdb")
                .args(init)
                .arg("--pgdata")
                .arg(&data),
        )?;
        let connections = callers_max.min(CONNECTIONS_MAX) + CONNECTIONS_MORE;
        let server = cluster.serve(&data, connections)?;
        let mut postgres = Postgres {
            programs: programs.to_owned(),
            user,
            version: version.trim().to_owned(),
            parts: [sample.leaf(), sample.sealed()].map(|part| bytea(&part)),
            server,
            folder,
        };
        postgres.wait()?;
        postgres.set_up()?;
        Ok(Ok(postgres))
    }

    /// As it calls itself.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    fn cluster(&self) -> Cluster<'_> {
        Cluster {
            programs: &self.programs,
            folder: &self.folder,
            user: self.user,
        }
    }

    /// Until it takes connections.
    fn wait(&mut self) -> Result<()> {
        let log = self.server.stderr.take().context("PostgreSQL has no log")?;
        let (sender, receiver) = mpsc::channel();
        // It reads on to the end: a full pipe would hold PostgreSQL up.
        thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(io::Result::ok) {
                let _ = sender.send(line);
            }
        });
        let (until, mut said) = (Instant::now() + START_MAX, String::new());
        loop {
            match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(READY) => return Ok(()),
                Ok(line) => said.extend([line.as_str(), "\n"]),
                Err(_) => bail!("PostgreSQL did not start within {START_MAX:?}:\n{said}"),
            }
        }
    }

    fn set_up(&self) -> Result<()> {
        self.sql(TABLES)?;
        // What the figures rest on.
        for setting in ["fsync", "synchronous_commit"] {
            let value = self.sql(&format!("SHOW {setting}"))?;
            ensure!(value.trim() == "on", "`{setting}` is not on");
        }
        for rows in [Rows::Plain, Rows::Chained] {
            let (file, insert) = script(rows);
            fs::write(self.folder.join(file), insert)?;
        }
        Ok(())
    }

    /// What a command of SQL prints.
    fn sql(&self, sql: &str) -> Result<String> {
        let mut psql = self.cluster().client("psql");
        psql.args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--dbname=postgres",
        ]);
        finish(psql.args(["--set=ON_ERROR_STOP=1", "--command", sql]))
    }

    /// Checks that the rows that should be chained are: else they were cheaper than they look.
    pub(crate) fn check(&self) -> Result<()> {
        let breaks = self.sql(BREAKS)?;
        ensure!(
            breaks.trim() == "0",
            "the chain has {} breaks",
            breaks.trim()
        );
        Ok(())
    }

    /// One window.
    pub(crate) fn measure(&self, rows: Rows, callers: usize, plan: &Plan) -> Result<Measured> {
        let seconds = (plan.warm + plan.window).as_secs_f64().ceil();
        let [leaf, sealed] = &self.parts;
        let connections = callers.min(CONNECTIONS_MAX);
        let threads = connections.min(thread::available_parallelism()?.get());
        let name = "waits";
        finish(
            self.cluster()
                .client("pgbench")
                .current_dir(&self.folder)
                .args(["--no-vacuum", "--protocol=prepared", "--log"])
                .arg(format!("--file={}", script(rows).0))
                .arg(format!("--log-prefix={name}"))
                .arg(format!("--client={connections}"))
                .arg(format!("--jobs={threads}"))
                .arg(format!("--time={seconds}"))
                .args([
                    format!("--define=leaf={leaf}"),
                    format!("--define=sealed={sealed}"),
                ])
                .arg("postgres"),
        )?;
        let mut commits = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(name) {
                let text = fs::read_to_string(entry.path())?;
                for line in text.lines() {
                    commits.push(Commit::read(line).context("an odd line in pgbench's log")?);
                }
                fs::remove_file(entry.path())?;
            }
        }
        // The window is the end of the run: connecting and warming up lie before it.
        let until = commits.iter().map(|commit| commit.at).max();
        let from = until.unwrap_or_default().saturating_sub(plan.window);
        let within = commits.iter().filter(|commit| commit.at > from);
        let waits = within.map(|commit| commit.took).collect();
        Ok(Measured::of(waits, plan.window))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its folder goes away next; there is nothing to be saved.
        let data = self.folder.join("data");
        let mut stop = self.cluster().command("pg_ctl");
        let stop = stop.args(["stop", "--silent", "--mode=immediate", "--pgdata"]);
        if finish(stop.arg(&data)).is_err() {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// What pgbench runs: a file's name, and what stands in it.
fn script(rows: Rows) -> (&'static str, &'static str) {
    match rows {
        Rows::Plain => ("plain.sql", PLAIN),
        Rows::Chained => ("chained.sql", CHAINED),
    }
}

/// Where the cluster lies, and whose it is.
#[derive(Clone, Copy)]
struct Cluster<'a> {
    programs: &'a Path,
    folder: &'a Path,
    user: Option<User>,
}

impl Cluster<'_> {
    /// A program of PostgreSQL, run as its user and free of our own user's settings for it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir(self.folder);
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// A program that connects, as nobody in particular.
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env_clear().env("LC_ALL", "C");
        command
            .arg("--host")
            .arg(self.folder)
            .arg("--username=bench");
        command
    }

    fn serve(&self, data: &Path, connections: usize) -> Result<Child> {
        let mut server = self.command("postgres");
        server.arg("-D").arg(data).arg("-k").arg(self.folder);
        for setting in [
            "listen_addresses=",
            "fsync=on",
            "synchronous_commit=on",
            "shared_buffers=256MB",
            "max_wal_size=8GB",
            &format!("max_connections={connections}"),
        ] {
            server.args(["-c", setting]);
        }
        let server = server.stdin(Stdio::null()).stdout(Stdio::null());
        server
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start PostgreSQL")
    }
}

/// A line of pgbench's log: client, count, microseconds, script, seconds and microseconds since the
/// epoch.
struct Commit {
    took: Duration,
    at: Duration,
}

impl Commit {
    fn read(line: &str) -> Option<Commit> {
        let mut words = line.split(' ').map(str::parse::<u64>);
        let took = Duration::from_micros(words.nth(2)?.ok()?);
        let seconds = Duration::from_secs(words.nth(1)?.ok()?);
        let at = seconds + Duration::from_micros(words.next()?.ok()?);
        Some(Commit { took, at })
    }
}

/// Whom to run PostgreSQL as, where not as ourselves.
fn user() -> Result<Option<User>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let read = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (name == USER).then_some(User { uid, gid })
    };
    let user = users.lines().find_map(read);
    user.with_context(|| format!("there is no user `{USER}` to run PostgreSQL as"))
        .map(Some)
}

fn bytea(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("\\x{}", digits.collect::<String>())
}

/// What a program printed, once it has ended well.
fn finish(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(
        output.status.success(),
        "{} ended with {}:\n{}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .map_err(io::Error::other)
        .context("an odd output")
}
