//! The operator's listener, as `curl` would read it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Admin(pub(crate) SocketAddr);

impl Admin {
    /// The HTTP status and the text of a page.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// The HTTP status of a page, whatever its content.
    pub(crate) async fn status(&self, path: &str) -> u16 {
        let head = self.head(path).await;
        head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// How long a page may be kept.
    pub(crate) async fn caching(&self, path: &str) -> String {
        let head = self.head(path).await;
        let mut lines = head.lines();
        let line = lines.find_map(|line| line.strip_prefix("cache-control: "));
        line.unwrap_or_default().to_owned()
    }

    async fn head(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        let response = String::from_utf8_lossy(&response);
        response.split("\r\n\r\n").next().unwrap().to_owned()
    }

    /// How many records the ledger holds.
    pub(crate) async fn records(&self) -> u64 {
        let (status, text) = self.page("/readyz").await;
        assert_eq!(status, 200, "{text}");
        let records = text.lines().find_map(|line| line.strip_prefix("records "));
        records.unwrap().parse().unwrap()
    }

    /// What a counter says, over all its lines that have `label`, e.g. `reason="TOKEN_EXPIRED"`.
    pub(crate) async fn counter(&self, name: &str, label: &str) -> u64 {
        let (status, text) = self.page("/metrics").await;
        assert_eq!(status, 200, "{text}");
        let lines = text
            .lines()
            .filter(|line| is_of(line, name) && line.contains(label));
        lines
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum()
    }

    /// How many calls were turned away for `reason`.
    pub(crate) async fn turned_away(&self, reason: &str) -> u64 {
        self.counter("motlan_turned_away_total", &format!("reason=\"{reason}\""))
            .await
    }

    /// How many connections came to nothing by `cause`.
    pub(crate) async fn refused(&self, cause: &str) -> u64 {
        let label = format!("cause=\"{cause}\"");
        self.counter("motlan_connections_refused_total", &label)
            .await
    }
}

/// Whether a line of the metrics is of this name, with labels or without.
fn is_of(line: &str, name: &str) -> bool {
    let rest = line.strip_prefix(name);
    rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
}
