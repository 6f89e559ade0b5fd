//! From logical axes to mesh axes.

use std::collections::BTreeMap;

use graph::{Placement, PlacementTable, Split};
use serde::{Deserialize, Serialize};

/// One table: the mesh axes that each logical axis is split by, major first. An axis that is not mentioned is not split.
pub type AxisRules = BTreeMap<String, Vec<String>>;

/// The tables of a plan, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rules {
    /// Tables by the names of [`PlacementTable`]. A placement in a table that is not here is not looked at.
    pub tables: BTreeMap<String, AxisRules>,
}

impl Rules {
    /// How a tensor with these logical axes is split; `None` if there is no such table.
    ///
    /// A mesh axis splits a tensor once: the first of its dimensions that asks for it.
    pub fn split(&self, placement: &Placement) -> Option<Split> {
        let table = self.tables.get(placement.table.name())?;
        let mut used: Vec<&String> = Vec::new();
        let mut split = Split::with_capacity(placement.axes.len());
        for logical in &placement.axes {
            let axes = table.get(logical).map_or(&[][..], Vec::as_slice);
            let free: Vec<&String> = axes.iter().filter(|axis| !used.contains(axis)).collect();
            used.extend(&free);
            split.push(free.into_iter().cloned().collect());
        }
        Some(split)
    }

    /// As [`Rules::split`], for a table and axes given apart.
    pub fn split_in<S: AsRef<str>>(&self, table: PlacementTable, axes: &[S]) -> Option<Split> {
        let axes = axes.iter().map(|axis| axis.as_ref().to_owned()).collect();
        self.split(&Placement { table, axes })
    }

    /// As [`Rules::split_in`]; not split at all where there is no such table, or not an axis for each of `rank` dimensions.
    pub fn split_or_whole<S: AsRef<str>>(&self, table: PlacementTable, axes: &[S], rank: usize) -> Split {
        let split = if axes.len() == rank { self.split_in(table, axes) } else { None };
        split.unwrap_or_else(|| vec![Vec::new(); rank])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_axis_is_used_once_per_tensor() {
        let table = |rows: &[(&str, &[&str])]| -> AxisRules {
            let axes = |axes: &[&str]| axes.iter().map(|axis| axis.to_string()).collect();
            rows.iter().map(|(logical, mesh)| (logical.to_string(), axes(mesh))).collect()
        };
        let tables = BTreeMap::from([(
            PlacementTable::Optimizer.name().to_owned(),
            table(&[("embed", &["data"]), ("heads", &["model"]), ("kv", &["model", "data"])]),
        )]);
        let rules = Rules { tables };
        let split = |axes: &[&str]| rules.split_in(PlacementTable::Optimizer, axes);
        let expected: Split = vec![vec![], vec!["data".into()], vec!["model".into()], vec![]];
        assert_eq!(split(&["layers", "embed", "heads", "kv"]), Some(expected));
        assert_eq!(split(&["kv"]), Some(vec![vec!["model".into(), "data".into()]]));
        assert_eq!(rules.split_in(PlacementTable::Gradients, &["kv"]), None);
    }
}
