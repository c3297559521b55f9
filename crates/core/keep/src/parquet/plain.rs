//! Answers as Parquet: columns under names of their own, and nothing of what blocks need to be searched.

use std::{collections::BTreeSet, sync::Arc};

use parquet::{
    basic::{Compression, LogicalType, TimeUnit, Type as PhysicalType, ZstdLevel},
    data_type::{ByteArrayType, DataType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::Type,
};

use super::{BlockFormat, schema::optional};

/// A column of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainColumn {
    /// What it is called.
    pub name: String,
    /// A value for each row.
    pub values: PlainValues,
}

/// What a column of an answer holds.
#[derive(Debug, Clone, PartialEq)]
pub enum PlainValues {
    /// Texts.
    Texts(Vec<Option<String>>),
    /// Numbers.
    Numbers(Vec<Option<f64>>),
    /// Milliseconds since 1970-01-01 00:00 UTC.
    Times(Vec<Option<i64>>),
}

impl PlainValues {
    fn is_empty(&self) -> bool {
        match self {
            Self::Texts(texts) => texts.is_empty(),
            Self::Numbers(numbers) => numbers.is_empty(),
            Self::Times(times) => times.is_empty(),
        }
    }
}

/// Writes columns of equal length as a file with one group of rows, none where there are no rows. Of two columns of
/// one name the later one gets a stroke behind it.
///
/// # Errors
///
/// Nothing that columns can hold should make it fail; what the Parquet crate says is passed on.
pub fn encode_plain(columns: &[PlainColumn]) -> Result<Vec<u8>, ParquetError> {
    let mut taken = BTreeSet::new();
    let mut fields = Vec::new();
    for column in columns {
        let mut name = column.name.clone();
        while !taken.insert(name.clone()) {
            name.push('\'');
        }
        fields.push(Arc::new(field(&name, &column.values)));
    }
    let schema = Type::group_type_builder("answer").with_fields(fields).build()?;
    let level = ZstdLevel::try_new(BlockFormat::SETTLED.zstd_level)?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("taut ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    if columns.iter().all(|column| column.values.is_empty()) {
        return writer.into_inner();
    }
    let mut group = writer.next_row_group()?;
    for column in columns {
        let Some(open) = group.next_column()? else { break };
        match &column.values {
            PlainValues::Texts(texts) => {
                write::<ByteArrayType, _>(open, texts, |text| text.as_str().into())?;
            }
            PlainValues::Numbers(numbers) => write::<DoubleType, _>(open, numbers, |it| *it)?,
            PlainValues::Times(times) => write::<Int64Type, _>(open, times, |it| *it)?,
        }
    }
    group.close()?;
    writer.into_inner()
}

fn field(name: &str, values: &PlainValues) -> Type {
    match values {
        PlainValues::Texts(_) => {
            optional(name, PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
        }
        PlainValues::Numbers(_) => optional(name, PhysicalType::DOUBLE, None),
        PlainValues::Times(_) => {
            let logical = LogicalType::timestamp(true, TimeUnit::MILLIS);
            optional(name, PhysicalType::INT64, Some(logical))
        }
    }
}

fn write<T: DataType, V>(
    mut column: SerializedColumnWriter<'_>,
    values: &[Option<V>],
    kept: impl Fn(&V) -> T::T,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.iter().flatten().map(kept).collect();
    column.typed::<T>().write_batch(values.as_slice(), Some(levels.as_slice()), None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::{
        file::{reader::FileReader as _, serialized_reader::SerializedFileReader},
        record::RowAccessor as _,
    };

    use super::*;

    #[test]
    fn columns_are_read_back_under_their_names() -> Result<(), ParquetError> {
        let column = |name: &str, values| PlainColumn { name: name.to_owned(), values };
        let bytes = encode_plain(&[
            column("name", PlainValues::Texts(vec![Some("GET /".to_owned()), None])),
            column("time", PlainValues::Times(vec![Some(1_795_000_000_000), Some(0)])),
            column("p95 [µs]", PlainValues::Numbers(vec![None, Some(1500.5)])),
            column("name", PlainValues::Numbers(vec![Some(1.0), Some(2.0)])),
        ])?;
        let reader = SerializedFileReader::new(Bytes::from(bytes))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let names: Vec<&str> = schema.columns().iter().map(|it| it.name()).collect();
        assert_eq!(names, ["name", "time", "p95 [µs]", "name'"]);
        let rows = reader.get_row_iter(None)?.collect::<Result<Vec<_>, _>>()?;
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].get_string(0)?, "GET /");
        assert!(rows[1].get_string(0).is_err(), "none is no text");
        assert_eq!(rows[0].get_timestamp_millis(1)?, 1_795_000_000_000);
        assert!(rows[0].get_double(2).is_err(), "none is no number");
        assert_eq!(rows[1].get_double(2)?.to_string(), "1500.5");
        Ok(())
    }

    #[test]
    fn an_answer_without_rows_is_a_file_without_rows() -> Result<(), ParquetError> {
        let column = PlainColumn { name: "count".to_owned(), values: PlainValues::Numbers(vec![]) };
        let reader = SerializedFileReader::new(Bytes::from(encode_plain(&[column])?))?;
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
        Ok(())
    }
}
