//! Little-endian numbers and extra fields of zip records.

/// Takes numbers off the front of a record whose length was checked.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    /// The next `N` bytes; zeros beyond the end.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((bytes, rest)) = self.0.split_first_chunk::<N>() else {
            self.0 = &[];
            return [0; N];
        };
        self.0 = rest;
        *bytes
    }

    /// The next 16-bit number.
    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    /// The next 32-bit number.
    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    /// The next 64-bit number.
    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

/// What the extra fields of a header say that matters.
#[derive(Debug, Default)]
pub(super) struct Extra<'a> {
    /// The content of the ZIP64 field.
    pub(super) zip64: Option<&'a [u8]>,
    /// The content of the Info-ZIP Unicode path field.
    pub(super) unicode_path: Option<&'a [u8]>,
}

const ZIP64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;

impl<'a> Extra<'a> {
    /// Splits extra fields; they must fill `rest` and must not repeat.
    pub(super) fn parse(mut rest: &'a [u8]) -> Result<Self, &'static str> {
        let mut extra = Self::default();
        while !rest.is_empty() {
            let cut_off = "has extra fields that are cut off";
            let ([i0, i1, l0, l1], after) = rest.split_first_chunk::<4>().ok_or(cut_off)?;
            let length = usize::from(u16::from_le_bytes([*l0, *l1]));
            let (value, after) = after.split_at_checked(length).ok_or(cut_off)?;
            rest = after;
            let slot = match u16::from_le_bytes([*i0, *i1]) {
                ZIP64 => &mut extra.zip64,
                UNICODE_PATH => &mut extra.unicode_path,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err("has an extra field twice");
            }
        }
        Ok(extra)
    }

    /// Replaces each of `values` that is `marker` by the next number of the ZIP64 field.
    ///
    /// The field must hold those numbers and no more.
    pub(super) fn widen<const N: usize>(&self, values: [u32; N]) -> Result<[u64; N], &'static str> {
        let marked = values.iter().filter(|v| **v == u32::MAX).count();
        if self.zip64.unwrap_or_default().len() != 8 * marked {
            return Err("has ZIP64 sizes that do not fit its plain ones");
        }
        let mut wide = Fields(self.zip64.unwrap_or_default());
        Ok(values.map(|v| {
            if v == u32::MAX {
                wide.u64()
            } else {
                u64::from(v)
            }
        }))
    }
}
