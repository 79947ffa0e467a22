use motlan_testkit::client::Call;
use motlan_testkit::*;
use prost::Message;
use std::time::Instant;
#[tokio::main]
async fn main() {
    let s = Sample::from_seed(1).unwrap();
    let a = pki::Authority::new("x").unwrap();
    let srv = a.issue(&pki::Leaf::server("p")).unwrap();
    let p = Provider::start(
        a.server_config(&srv).unwrap(),
        provider::Holdings::of(&contracts::pool().unwrap()).stock(&s.held()),
    )
    .await
    .unwrap();
    p.record(false);
    let id = a.issue(&pki::Leaf::system("x", "H26/one-stop")).unwrap();
    let path = "/vn.population.v1.PopulationRegistry/GetPerson";
    let req = contracts::population::v1::GetPersonRequest {
        personal_id: s.roles.person.clone(),
    }
    .encode_to_vec();
    for (n, conns) in [(1usize, 1usize), (32, 4), (256, 4)] {
        let mut clients = vec![];
        for _ in 0..conns {
            clients.push(
                Client::connect(
                    &p.address().to_string(),
                    a.client_config(Some(&id)).unwrap(),
                )
                .await
                .unwrap(),
            );
        }
        let per = if n == 1 { 20000 } else { 200_000 / n };
        let t = Instant::now();
        let hs: Vec<_> = (0..n)
            .map(|i| {
                let c = clients[i % conns].clone();
                let call = Call::new(path, &req).unwrap();
                tokio::spawn(async move {
                    let mut l = vec![];
                    for _ in 0..per {
                        let t = Instant::now();
                        let r = c.call(&call).await.unwrap();
                        assert_eq!(r.code(), tonic::Code::Ok);
                        l.push(t.elapsed());
                    }
                    l
                })
            })
            .collect();
        let mut l = vec![];
        for h in hs {
            l.extend(h.await.unwrap());
        }
        let e = t.elapsed();
        l.sort();
        println!(
            "{n} in flight: {:.0}/s p50 {:?} p99 {:?}",
            l.len() as f64 / e.as_secs_f64(),
            l[l.len() / 2],
            l[l.len() * 99 / 100]
        );
    }
}
