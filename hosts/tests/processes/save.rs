//! Saving together: each process its own pieces, and one checkpoint, or none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::HostArray;
use store::checkpoint::{
    Background, Checkpoint, Dtype, Error, Region, Request, Retention, Snapshot, SnapshotPiece,
    SnapshotTensor, save_with_peers,
};

use crate::checkpoints::{description, names};
use crate::memory::{all, each};
use crate::patience;

/// Of a tensor of bytes, the pieces at some offsets, two bytes each.
pub fn snapshot(length: usize, pieces: &[(usize, [u8; 2])]) -> Snapshot {
    let piece = |&(offset, bytes): &(usize, [u8; 2])| SnapshotPiece {
        region: Region { offset: vec![offset], shape: vec![2] },
        data: HostArray::from_slice(&bytes, &[2]).unwrap(),
    };
    let tensor = SnapshotTensor {
        name: "x".into(),
        dtype: Dtype::U8,
        shape: vec![length],
        split: vec![vec![]],
        pieces: pieces.iter().map(piece).collect(),
    };
    Snapshot { mesh: Vec::new(), tensors: vec![tensor] }
}

#[test]
fn each_process_writes_its_pieces_and_all_of_them_make_one_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    let groups = all(&Arc::default(), 3, patience());
    let peers: Vec<_> = groups.iter().map(|(group, _)| group.peers()).collect();
    // The last process has nothing to save. Twice, and the second time in place of the first.
    for fill in [10, 20] {
        let pieces = [vec![(0, [fill, fill + 1])], vec![(2, [fill + 2, fill + 3])], vec![]];
        let saved = each(3, |index| {
            let snapshot = snapshot(4, &pieces[index]);
            save_with_peers(&checkpoints, &description(7), &snapshot, &*peers[index]).unwrap()
        });
        assert!(saved.iter().all(|path| *path == checkpoints.join("step-00000007")));
        let checkpoint = Checkpoint::open(&saved[0]).unwrap();
        assert_eq!(checkpoint.manifest().processes, 3);
        assert_eq!(checkpoint.read_whole("x").unwrap(), [fill, fill + 1, fill + 2, fill + 3]);
        assert_eq!(names(&checkpoints), ["step-00000007"]);
    }
}

#[test]
fn what_goes_wrong_in_one_process_fails_the_save_in_all_and_the_next_one_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    let groups = all(&Arc::default(), 2, patience());
    let peers: Vec<_> = groups.iter().map(|(group, _)| group.peers()).collect();
    let save = |step: u64, pieces: [&[(usize, [u8; 2])]; 2]| {
        each(2, |index| {
            save_with_peers(&checkpoints, &description(step), &snapshot(4, pieces[index]), &*peers[index])
        })
    };
    let good: [&[(usize, [u8; 2])]; 2] = [&[(0, [1, 2])], &[(2, [3, 4])]];
    save(1, good).into_iter().for_each(|saved| drop(saved.unwrap()));
    // Process 1 has a piece outside of the tensor; both have the same piece; nobody has the second half.
    let nobody: &[(usize, [u8; 2])] = &[];
    for (pieces, culprit) in
        [([good[0], &[(3, [3, 4])][..]], 1), ([good[0], good[0]], 0), ([good[0], nobody], 0)]
    {
        let errors = save(2, pieces).map_errors();
        assert!(!matches!(errors[culprit], Error::Peer { .. }), "{errors:?}");
        let told = errors[1 - culprit].to_string();
        let expected =
            format!("the checkpoint of step 2 cannot be saved: process {culprit}: {}", errors[culprit]);
        assert_eq!(told, expected);
        assert_eq!(names(&checkpoints), ["step-00000001"]);
    }
    save(2, good).into_iter().for_each(|saved| drop(saved.unwrap()));
    assert_eq!(names(&checkpoints), ["step-00000001", "step-00000002"]);
}

#[test]
fn a_process_that_cannot_even_begin_lets_no_other_wait() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    let metrics = folder.path().join("metrics.jsonl");
    std::fs::write(&metrics, "{}\n").unwrap();
    let groups = all(&Arc::default(), 2, patience());
    let peers: Vec<_> = groups.iter().map(|(group, _)| group.peers()).collect();
    let save = |step: u64, lost: Option<usize>| {
        each(2, |index| {
            let metrics = if lost == Some(index) { folder.path().join("lost") } else { metrics.clone() };
            let mut background = Background::default();
            let request = Request {
                checkpoints: checkpoints.clone(),
                description: description(step),
                metrics: Some((metrics, 3)),
                snapshot: snapshot(4, &[(2 * index, [1, 2])]),
                retention: Retention { keep_last: 1, keep_every: 0, rewind_steps: None, keep_best: false },
                peers: Some(peers[index].clone()),
            };
            background.start(request).unwrap();
            background.wait().unwrap().result
        })
    };
    for lost in [0, 1] {
        let began = Instant::now();
        let errors = save(1, Some(lost)).map_errors();
        assert!(matches!(errors[lost], Error::File(_)), "{errors:?}");
        let expected = format!("the checkpoint of step 1 cannot be saved: process {lost}: {}", errors[lost]);
        assert_eq!(errors[1 - lost].to_string(), expected);
        // Others wait as long as for one that comes: 20 s.
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert_eq!(names(&checkpoints), [""; 0]);
    }
    save(1, None).into_iter().for_each(|saved| drop(saved.unwrap()));
    assert_eq!(names(&checkpoints), ["step-00000001"]);
}

#[test]
fn a_process_that_is_lost_while_it_saves_fails_the_save() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    let mut groups = all(&Arc::default(), 2, patience());
    drop(groups.pop());
    let peers = groups[0].0.peers();
    let error =
        save_with_peers(&checkpoints, &description(1), &snapshot(2, &[(0, [1, 2])]), &*peers).unwrap_err();
    let error = error.to_string();
    let expected = "the checkpoint of step 1 cannot be saved: process 1 has shown no sign of life for 1 s";
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(names(&checkpoints), [""; 0]);
}

/// What all results of a save that fails are.
trait MapErrors {
    fn map_errors(self) -> Vec<Error>;
}

impl<T: std::fmt::Debug> MapErrors for Vec<Result<T, Error>> {
    fn map_errors(self) -> Vec<Error> {
        self.into_iter().map(Result::unwrap_err).collect()
    }
}
