//! `#[derive(AbiType)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Result};

pub(crate) fn expand(item: DeriveInput) -> Result<TokenStream> {
    let name = &item.ident;
    let (impl_generics, type_generics, where_clause) = item.generics.split_for_impl();
    let Data::Struct(data) = &item.data else {
        return Err(Error::new_spanned(
            name,
            "AbiType can be derived for structs only",
        ));
    };

    let schema = if is_transparent(&item.attrs)? {
        let mut fields = data.fields.iter();
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return Err(Error::new_spanned(
                name,
                "a transparent type has exactly one field",
            ));
        };
        let kind = &field.ty;
        quote!(<#kind as ::boatyard_sdk::AbiType>::SCHEMA)
    } else {
        let Fields::Named(fields) = &data.fields else {
            return Err(Error::new_spanned(
                name,
                "AbiType needs named fields, or #[abi(transparent)] on a type of one field",
            ));
        };
        let entries = fields.named.iter().map(|field| {
            let name = field
                .ident
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            let kind = &field.ty;
            quote!((#name, <#kind as ::boatyard_sdk::AbiType>::SCHEMA))
        });
        let name = name.to_string();
        quote!(::boatyard_sdk::Schema::Tuple { name: #name, fields: &[#(#entries),*] })
    };

    Ok(quote! {
        impl #impl_generics ::boatyard_sdk::AbiType for #name #type_generics #where_clause {
            const SCHEMA: ::boatyard_sdk::Schema = #schema;
        }
    })
}

fn is_transparent(attributes: &[Attribute]) -> Result<bool> {
    let mut transparent = false;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("abi"))
    {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("transparent") {
                return Err(meta.error("the only argument is `transparent`"));
            }
            transparent = true;
            Ok(())
        })?;
    }
    Ok(transparent)
}
