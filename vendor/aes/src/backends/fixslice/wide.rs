//! Two `u64` words side by side in a vector of WebAssembly's SIMD: eight blocks at once.

use super::{MinWord, Word};
use crate::Block;
use cipher::{Array, consts::U8};
use core::{
    arch::wasm32::{
        u64x2, u64x2_extract_lane, u64x2_shl, u64x2_shr, u64x2_splat, v128, v128_and, v128_not, v128_or, v128_xor,
    },
    ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Not, Shl, Shr},
};

#[derive(Clone, Copy)]
pub(crate) struct U64x2(v128);

impl Default for U64x2 {
    #[inline(always)]
    fn default() -> Self {
        Self(u64x2_splat(0))
    }
}

macro_rules! lanewise {
    ($trait:ident, $method:ident, $assign_trait:ident, $assign_method:ident, $op:ident) => {
        impl $trait for U64x2 {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self($op(self.0, other.0))
            }
        }
        impl $assign_trait for U64x2 {
            #[inline(always)]
            fn $assign_method(&mut self, other: Self) {
                self.0 = $op(self.0, other.0);
            }
        }
    };
}
lanewise!(BitAnd, bitand, BitAndAssign, bitand_assign, v128_and);
lanewise!(BitOr, bitor, BitOrAssign, bitor_assign, v128_or);
lanewise!(BitXor, bitxor, BitXorAssign, bitxor_assign, v128_xor);

impl Not for U64x2 {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(v128_not(self.0))
    }
}

impl Shl<u32> for U64x2 {
    type Output = Self;
    #[inline(always)]
    fn shl(self, n: u32) -> Self {
        Self(u64x2_shl(self.0, n))
    }
}

impl Shr<u32> for U64x2 {
    type Output = Self;
    #[inline(always)]
    fn shr(self, n: u32) -> Self {
        Self(u64x2_shr(self.0, n))
    }
}

impl Word for U64x2 {
    type Blocks = U8;

    const ROW_BITS: u32 = <u64 as Word>::ROW_BITS;

    #[inline(always)]
    fn ror(self, n: u32) -> Self {
        (self >> n) | (self << (64 - n))
    }

    #[inline(always)]
    fn uniform_row(b: u8) -> Self {
        Self(u64x2_splat(u64::uniform_row(b)))
    }

    #[inline(always)]
    fn pack_rows(r0: u8, r1: u8, r2: u8, r3: u8) -> Self {
        Self(u64x2_splat(u64::pack_rows(r0, r1, r2, r3)))
    }

    #[inline(always)]
    fn byte_repeat(b: u8) -> Self {
        Self(u64x2_splat(u64::byte_repeat(b)))
    }

    #[inline(always)]
    fn bitslice(output: &mut [Self], input: &Array<Block, U8>) {
        let (low, high) = input.split_at(4);
        let mut lanes = [[0; 8]; 2];
        for (lane, blocks) in lanes.iter_mut().zip([low, high]) {
            u64::bitslice(lane, blocks.try_into().unwrap());
        }
        for ((word, low), high) in output.iter_mut().zip(lanes[0]).zip(lanes[1]) {
            *word = Self(u64x2(low, high));
        }
    }

    #[inline(always)]
    fn inv_bitslice(input: &[Self]) -> Array<Block, U8> {
        let mut lanes = [[0; 8]; 2];
        for (index, word) in input.iter().enumerate() {
            lanes[0][index] = u64x2_extract_lane::<0>(word.0);
            lanes[1][index] = u64x2_extract_lane::<1>(word.0);
        }
        let mut output = Array::<Block, U8>::default();
        output[..4].copy_from_slice(&u64::inv_bitslice(&lanes[0]));
        output[4..].copy_from_slice(&u64::inv_bitslice(&lanes[1]));
        output
    }

    #[inline(always)]
    fn broadcast(rkey: MinWord) -> Self {
        Self(u64x2_splat(u64::broadcast(rkey)))
    }
}
