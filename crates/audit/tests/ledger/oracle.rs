//! What the ledger gives out, read by code that is not ours: the crates `tlog_tiles` and
//! `signed_note`, which follow Go's `golang.org/x/mod/sumdb`.

use motlan_audit::{Ledger, verify_receipt};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Hash, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree,
    prove_record, prove_tree, record_hash, stored_hash_index, tree_hash,
};

use crate::common::{Place, question};

/// More than two full tiles, and a partial one.
const RECORDS: u64 = 700;

/// The ledger's tiles as that crate asks for them.
struct Served<'a>(&'a Ledger);

impl TileReader for Served<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            let width = usize::try_from(tile.width()).unwrap();
            let hashes = self.0.tile(tile.level(), tile.level_index(), width);
            hashes.unwrap().as_flattened().to_vec()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The checkpoint, if its signature holds.
fn opened(note: &str, key: &str) -> Checkpoint {
    let note = Note::from_bytes(note.as_bytes()).unwrap();
    let verifier = StandardVerifier::new(key).unwrap();
    note.verify(&VerifierList::new(vec![Box::new(verifier)]))
        .unwrap();
    Checkpoint::from_bytes(note.text()).unwrap()
}

async fn filled(place: &Place) -> Ledger {
    let ledger = place.open();
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..RECORDS {
        let ledger = ledger.clone();
        waiting.spawn(async move { ledger.append(question(n)).await.map(|_| ()) });
    }
    for done in waiting.join_all().await {
        done.unwrap();
    }
    ledger
}

#[tokio::test]
async fn checkpoint_tiles_and_bundles_are_one_log_to_others() {
    let place = Place::new(1 << 20);
    let ledger = filled(&place).await;
    let checkpoint = opened(&ledger.checkpoint(), &ledger.verifier().to_string());
    assert_eq!(checkpoint.origin(), ledger.origin().as_str());
    assert_eq!(checkpoint.size(), RECORDS);
    let served = Served(&ledger);
    // That reader checks each tile against the root before it gives a hash out of it.
    let reader = TileHashReader::new(RECORDS, *checkpoint.hash(), &served);
    assert_eq!(tree_hash(RECORDS, &reader).unwrap(), *checkpoint.hash());
    let mut index = 0;
    for (bundle, width) in [(0, 256), (1, 256), (2, 188)] {
        let mut leaves = Vec::new();
        let read = ledger.bundle(bundle, width, |leaf| leaves.push(leaf.to_vec()));
        read.unwrap();
        assert_eq!(leaves.len(), width);
        for leaf in leaves {
            let stored = reader.read_hashes(&[stored_hash_index(0, index)]).unwrap();
            assert_eq!(stored, [record_hash(&leaf)], "record {index}");
            index += 1;
        }
    }
    assert_eq!(index, RECORDS);
}

#[tokio::test]
async fn proofs_are_those_that_others_make_and_believe() {
    let place = Place::new(1 << 20);
    let ledger = filled(&place).await;
    let root = *opened(&ledger.checkpoint(), &ledger.verifier().to_string()).hash();
    let served = Served(&ledger);
    let reader = TileHashReader::new(RECORDS, root, &served);
    for index in [0, 1, 255, 256, 511, 512, 640, 698, 699] {
        let receipt = ledger.receipt(index).unwrap();
        let ours: Vec<Hash> = receipt
            .proof
            .iter()
            .map(|hash| Hash(hash.as_slice().try_into().unwrap()))
            .collect();
        assert_eq!(ours, prove_record(RECORDS, index, &reader).unwrap());
        check_record(&ours, RECORDS, root, index, record_hash(&receipt.leaf)).unwrap();
        let _ = verify_receipt(&receipt, ledger.verifier()).unwrap();
    }
    for old in [1, 2, 3, 255, 256, 257, 512, 640, 699, 700] {
        let ours = ledger.consistency(old, RECORDS).unwrap();
        let ours: Vec<Hash> = ours.into_iter().map(Hash).collect();
        assert_eq!(ours, prove_tree(RECORDS, old, &reader).unwrap(), "{old}");
        let old_root = tree_hash(old, &reader).unwrap();
        check_tree(&ours, RECORDS, root, old, old_root).unwrap();
    }
}
