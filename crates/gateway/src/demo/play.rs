//! Plays the scenes over TCP, as any client would.

use std::collections::BTreeMap;

use motlan_testkit::World;
use motlan_testkit::client::{Call, Client, Reply};

use super::scenes::{self, Scene};

/// A scene and what came of it.
pub(super) struct Played {
    pub(super) scene: Scene,
    pub(super) reply: Reply,
}

/// Plays all scenes against the gateway at `port`.
pub(super) async fn all(world: &World, port: u16) -> anyhow::Result<Vec<Played>> {
    let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
    let mut played = Vec::new();
    for scene in scenes::all(&world.sample().roles) {
        let client = match clients.get(scene.system) {
            Some(client) => client.clone(),
            None => {
                let client = connect(world, port, scene.system).await?;
                clients.insert(scene.system, client.clone());
                client
            }
        };
        let reply = client.call(&call(world, &scene)?).await?;
        played.push(Played { scene, reply });
    }
    Ok(played)
}

/// A connection of `system` to the gateway at `port`.
pub(super) async fn connect(world: &World, port: u16, system: &str) -> anyhow::Result<Client> {
    let address = format!("localhost:{port}");
    let tls = world.client_config(system)?;
    Ok(Client::connect(&address, tls).await?)
}

fn call(world: &World, scene: &Scene) -> anyhow::Result<Call> {
    let signer = world.system(scene.signed_by)?;
    let token = signer.token(scene.procedure)?.dossier(scene.dossier);
    let mut call = Call::new(scene.path, &scene.request)?
        .bearer(&signer.sign(&token)?)?
        .metadata("motlan-receipt", "full")?;
    if let Some(fields) = scene.fields {
        call = call.metadata("motlan-fields", fields)?;
    }
    Ok(call)
}
