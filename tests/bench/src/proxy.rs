//! What stands before the owner's system instead of the gateway: the bare pass-through, nginx,
//! HAProxy. Each demands a certificate of its callers and shows the gateway's own to the owner.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use motlan_testkit::pki::Identity;

use crate::child::Child;
use crate::contender::Contender;
use crate::deployment::Deployment;

const NGINX_CONF: &str = include_str!("proxy/nginx.conf");
const HAPROXY_CFG: &str = include_str!("proxy/haproxy.cfg");
/// Calls at once on one connection, with all contenders alike.
pub(crate) const STREAMS_MAX: u32 = 1024;
/// Of what is part of the bench.
pub(crate) const VERSION: &str = concat!("motlan-bench ", env!("CARGO_PKG_VERSION"));
/// Where the system keeps servers, which is not on everybody's path.
const SERVER_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
/// So often is another port tried where somebody was quicker.
const PORTS_TRIED_MAX: u32 = 5;

/// A proxy that runs. It ends when it is dropped.
pub(crate) struct Proxy {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// What it says of itself.
    pub(crate) version: String,
}

impl Proxy {
    /// Starts `contender` before the owner's system; nothing where it is not installed.
    pub(crate) async fn start(
        contender: Contender,
        deployment: &Deployment,
    ) -> Result<Option<Self>> {
        let started = match contender {
            Contender::PassThrough => Self::pass_through(deployment).map(Some),
            Contender::Nginx => Self::server("nginx", nginx, deployment).await,
            Contender::Haproxy => Self::server("haproxy", haproxy, deployment).await,
            Contender::Direct | Contender::Gateway => bail!("{contender} is no proxy"),
        };
        started.with_context(|| format!("{contender}"))
    }

    fn pass_through(deployment: &Deployment) -> Result<Self> {
        let child = deployment.start_pass_through()?;
        Ok(Self {
            address: child.said.clone(),
            child,
            version: VERSION.to_owned(),
        })
    }

    async fn server(
        name: &str,
        lay: fn(&Site) -> Result<Vec<String>>,
        deployment: &Deployment,
    ) -> Result<Option<Self>> {
        let Some((program, version)) = installed(name)? else {
            return Ok(None);
        };
        let log = deployment.world().dir().join(format!("{name}.log"));
        let mut tried = 0;
        loop {
            tried += 1;
            let site = Site::of(deployment)?;
            let mut command = Command::new(&program);
            command.args(lay(&site)?);
            match Child::listening(&mut command, log.clone(), site.listen).await {
                Err(_) if tried < PORTS_TRIED_MAX && is_taken(&log) => {}
                started => {
                    return Ok(Some(Self {
                        child: started?,
                        address: site.listen.to_string(),
                        version,
                    }));
                }
            }
        }
    }
}

/// Whether another process had taken the port.
fn is_taken(log: &Path) -> bool {
    let said = std::fs::read_to_string(log).unwrap_or_default();
    said.contains("Address already in use")
}

/// Where a program is and which version, where it is.
fn installed(name: &str) -> Result<Option<(PathBuf, String)>> {
    let folders = SERVER_FOLDERS.map(|folder| Path::new(folder).join(name));
    for program in std::iter::once(PathBuf::from(name)).chain(folders) {
        let said = match Command::new(&program).arg("-v").output() {
            Ok(said) => said,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("`{}`", program.display())),
        };
        ensure!(said.status.success(), "`{} -v` failed", program.display());
        // One of them says it on standard error.
        let said = [said.stdout, said.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let line = said.lines().next().unwrap_or_default().trim().to_owned();
        return Ok(Some((program, line)));
    }
    Ok(None)
}

/// What a configuration is made from.
struct Site {
    listen: SocketAddr,
    owner: String,
    dir: PathBuf,
    identities: [(&'static str, Identity); 2],
}

impl Site {
    fn of(deployment: &Deployment) -> Result<Self> {
        // Free again at once: whoever takes it before the proxy does is found out.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let world = deployment.world();
        Ok(Self {
            listen: free.local_addr()?,
            owner: deployment.owner().said.clone(),
            dir: world.dir().canonicalize()?,
            identities: [
                ("gateway", world.gateway().clone()),
                ("gateway-client", world.gateway_client().clone()),
            ],
        })
    }

    /// Writes a configuration into the deployment's folder.
    fn write(&self, name: &str, template: &str) -> Result<String> {
        let dir = self.dir.to_str().context("a folder with a strange name")?;
        let mut text = template.to_owned();
        for (mark, with) in [
            ("@LISTEN@", self.listen.to_string()),
            ("@OWNER@", self.owner.clone()),
            ("@DIR@", dir.to_owned()),
            ("@PKI@", format!("{dir}/pki")),
            ("@STREAMS@", STREAMS_MAX.to_string()),
            ("@CORES@", std::thread::available_parallelism()?.to_string()),
        ] {
            text = text.replace(mark, &with);
        }
        let file = self.dir.join(name);
        std::fs::write(&file, text).with_context(|| format!("`{}`", file.display()))?;
        Ok(format!("{dir}/{name}"))
    }
}

fn nginx(site: &Site) -> Result<Vec<String>> {
    let file = site.write("nginx.conf", NGINX_CONF)?;
    Ok(["-e", "stderr", "-c", &file].map(str::to_owned).to_vec())
}

fn haproxy(site: &Site) -> Result<Vec<String>> {
    for (name, identity) in &site.identities {
        // It wants certificate and key in one file.
        let both = format!("{}{}", identity.certificate_pem, identity.key_pem);
        let file = site.dir.join(format!("pki/{name}-both.pem"));
        std::fs::write(&file, both).with_context(|| format!("`{}`", file.display()))?;
    }
    let file = site.write("haproxy.cfg", HAPROXY_CFG)?;
    Ok(["-db", "-f", &file].map(str::to_owned).to_vec())
}
