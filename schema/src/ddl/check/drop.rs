//! `DROP`: only of what the same text declared.

use super::{
    super::{
        DdlError,
        statement::{Drop, DropKind},
    },
    Builder, kind_word,
};
use crate::catalog::{Catalog, TableId, TableKind, TopicSource};

impl Builder {
    pub(super) fn drop(&mut self, drop: &Drop) -> Result<(), DdlError> {
        if !exists(&self.catalog, drop)? {
            let message = format!("there is no {} {}", drop.kind.word(), drop.name.text);
            return if drop.if_exists { Ok(()) } else { Err(DdlError::at(drop.name.at, message)) };
        }
        let is_name = |name: &str| name.eq_ignore_ascii_case(&drop.name.text);
        match drop.kind {
            DropKind::Topic => {
                let position = self.catalog.topics.iter().position(|topic| is_name(&topic.name));
                self.drop_topic(position.expect("it exists"), drop)
            }
            DropKind::Procedure => {
                let position = self.catalog.procedures.iter().position(|procedure| is_name(&procedure.name));
                let position = position.expect("it exists");
                self.refuse_base(position < self.base.procedures, drop)?;
                self.catalog.procedures.remove(position);
                Ok(())
            }
            DropKind::Index => {
                let tables = &mut self.catalog.tables;
                let has_index =
                    |table: &crate::catalog::TableDef| table.indexes.iter().any(|index| is_name(&index.name));
                let table = tables.iter().position(has_index).expect("it exists");
                self.refuse_base(table < self.base.tables, drop)?;
                self.catalog.tables[table].indexes.retain(|index| !is_name(&index.name));
                Ok(())
            }
            DropKind::Table | DropKind::View | DropKind::Stream => {
                let id = self.find(&drop.name, drop.kind.word())?;
                self.drop_table(id, drop)
            }
        }
    }

    fn refuse_base(&self, is_base: bool, drop: &Drop) -> Result<(), DdlError> {
        if is_base {
            let message = format!(
                "the {} {} is in the catalogue already and can't be dropped",
                drop.kind.word(),
                drop.name.text
            );
            return Err(DdlError::at(drop.name.at, message));
        }
        Ok(())
    }

    fn drop_topic(&mut self, position: usize, drop: &Drop) -> Result<(), DdlError> {
        self.refuse_base(position < self.base.topics, drop)?;
        let topic = self.catalog.topics.remove(position);
        for table in &mut self.catalog.tables {
            if let TableKind::Stream { key, topic: published } = &mut table.kind
                && published.as_ref() == Some(&topic.name)
            {
                (*key, *published) = (Vec::new(), None);
            }
        }
        Ok(())
    }

    /// With CASCADE, what depends on it goes too.
    fn drop_table(&mut self, id: TableId, drop: &Drop) -> Result<(), DdlError> {
        self.refuse_base(usize::from(id) < self.base.tables, drop)?;
        let dependents = self.dependents(id);
        if let (Some(dependent), false) = (dependents.first(), drop.cascade) {
            let message = format!("{dependent} depends on {}: drop it first, or CASCADE", drop.name.text);
            return Err(DdlError::at(drop.name.at, message));
        }
        let name = self.catalog.table(id).name.clone();
        let is_view_on_it = |kind: &TableKind| matches!(kind, TableKind::View(view) if view.source == id);
        while let Some(view) = self.catalog.tables.iter().position(|table| is_view_on_it(&table.kind)) {
            self.remove(view as TableId);
        }
        self.catalog.topics.retain(|topic| topic.source != TopicSource::Stream(name.clone()));
        self.catalog
            .procedures
            .retain(|procedure| procedure.partition.as_ref().is_none_or(|p| p.table != id));
        // A view stands behind its source, so the source kept its place.
        self.remove(id);
        Ok(())
    }

    fn dependents(&self, id: TableId) -> Vec<String> {
        let catalog = &self.catalog;
        let views = catalog
            .tables
            .iter()
            .filter(|table| matches!(&table.kind, TableKind::View(view) if view.source == id));
        let name = &catalog.table(id).name;
        let topics = catalog.topics.iter().filter(|topic| topic.source == TopicSource::Stream(name.clone()));
        let procedures =
            catalog.procedures.iter().filter(|p| p.partition.as_ref().is_some_and(|p| p.table == id));
        let views = views.map(|view| format!("the view {}", view.name));
        let topics = topics.map(|topic| format!("the topic {}", topic.name));
        views.chain(topics).chain(procedures.map(|p| format!("the procedure {}", p.name))).collect()
    }

    /// Takes out a table and closes the gap in the numbering.
    fn remove(&mut self, id: TableId) {
        self.catalog.tables.remove(usize::from(id));
        let close = |table: &mut TableId| *table -= TableId::from(*table > id);
        for table in &mut self.catalog.tables {
            if let TableKind::View(view) = &mut table.kind {
                close(&mut view.source);
            }
        }
        self.catalog
            .procedures
            .iter_mut()
            .filter_map(|p| p.partition.as_mut())
            .for_each(|p| close(&mut p.table));
    }
}

/// Whether there is what the statement drops. An error when the name belongs to something of another kind.
pub(in super::super) fn exists(catalog: &Catalog, drop: &Drop) -> Result<bool, DdlError> {
    let is_name = |name: &str| name.eq_ignore_ascii_case(&drop.name.text);
    Ok(match drop.kind {
        DropKind::Topic => catalog.topics.iter().any(|topic| is_name(&topic.name)),
        DropKind::Procedure => catalog.procedures.iter().any(|procedure| is_name(&procedure.name)),
        DropKind::Index => {
            catalog.tables.iter().flat_map(|table| &table.indexes).any(|index| is_name(&index.name))
        }
        DropKind::Table | DropKind::View | DropKind::Stream => match catalog.find(&drop.name.text) {
            None => false,
            Some(id) if kind_word(catalog.table(id)) == drop.kind.word() => true,
            Some(id) => {
                let message = format!("{} is a {}", drop.name.text, kind_word(catalog.table(id)));
                return Err(DdlError::at(drop.name.at, message));
            }
        },
    })
}
