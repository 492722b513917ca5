//! The tree over the messages of a batch, or over the entries of a journal's row: RFC 9162 section 2.1, with SHA-256.

use sha2::{Digest, Sha256};

pub(crate) type Hash = [u8; 32];

pub(crate) fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// All levels of the tree, the leaves first. A node without a sibling goes up unchanged, which gives RFC 9162's tree.
#[derive(Debug, Default)]
pub(crate) struct Tree(Vec<Vec<Hash>>);

impl Tree {
    /// Takes the next leaf hash.
    pub(crate) fn push(&mut self, leaf: Hash) {
        self.put(0, leaf);
    }

    /// Two nodes make one of the next level.
    fn put(&mut self, mut height: usize, mut hash: Hash) {
        loop {
            if self.0.len() == height {
                self.0.push(Vec::new());
            }
            let Some(level) = self.0.get_mut(height) else { return };
            level.push(hash);
            let ([.., [left, right]], []) = level.as_chunks() else { return };
            hash = node_hash(left, right);
            height += 1;
        }
    }

    /// After the last leaf: what has no sibling goes up.
    pub(crate) fn finish(&mut self) {
        let mut height = 0;
        while let Some(level) = self.0.get(height).filter(|level| level.len() > 1) {
            if let (_, [single]) = level.as_chunks::<2>() {
                let single = *single;
                self.put(height + 1, single);
            }
            height += 1;
        }
    }

    /// Number of leaves.
    pub(crate) fn len(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    pub(crate) fn root(&self) -> Option<&Hash> {
        self.0.last().and_then(|level| level.first())
    }

    /// From the leaf up.
    pub(crate) fn path(&self, index: usize) -> Vec<Hash> {
        self.0.iter().enumerate().filter_map(|(height, level)| level.get((index >> height) ^ 1)).copied().collect()
    }
}

/// Length of the path of leaf `index` among `size`.
pub(crate) fn path_len(index: u32, size: u32) -> u8 {
    let (mut node, mut last, mut len) = (index, size.saturating_sub(1), 0);
    while last > 0 {
        if node % 2 == 1 || node < last {
            len += 1;
        }
        node /= 2;
        last /= 2;
    }
    len
}

/// RFC 9162 section 2.1.3.2: the root, if the path has the length that it must have.
pub(crate) fn root_from_path(index: u32, size: u32, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node % 2 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node % 2 == 0 && node != 0 {
                node /= 2;
                last /= 2;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node /= 2;
        last /= 2;
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    /// RFC 9162 section 2.1.1, word for word.
    fn rfc_root(leaves: &[Hash]) -> Hash {
        if let [leaf] = leaves {
            return *leaf;
        }
        let split = leaves.len().next_power_of_two() / 2;
        node_hash(&rfc_root(&leaves[..split]), &rfc_root(&leaves[split..]))
    }

    #[test]
    fn every_leaf_of_every_small_tree() {
        for size in 1..40_u32 {
            let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
            let mut tree = Tree::default();
            leaves.iter().for_each(|leaf| tree.push(*leaf));
            tree.finish();
            assert_eq!(tree.len(), size as usize);
            assert_eq!(*tree.root().unwrap(), rfc_root(&leaves));
            for index in 0..size {
                let path = tree.path(index as usize);
                assert_eq!(path.len(), usize::from(path_len(index, size)), "{index} of {size}");
                let leaf = leaves[index as usize];
                assert_eq!(root_from_path(index, size, leaf, &path), tree.root().copied());
                for other in (0..size).filter(|other| *other != index) {
                    assert_ne!(root_from_path(other, size, leaf, &path), tree.root().copied());
                }
                let mut longer = path.clone();
                longer.push([0; 32]);
                assert_eq!(root_from_path(index, size, leaf, &longer), None);
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(root_from_path(index, size, leaf, shorter), None);
                }
            }
            assert_eq!(root_from_path(size, size, leaves[0], &[]), None);
        }
        assert_eq!(path_len(u32::MAX - 1, u32::MAX), 31);
        assert_eq!(path_len(0, u32::MAX), 32);
    }
}
