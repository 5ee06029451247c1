//! `#[actor]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, Ident, ImplItem, ImplItemFn, ItemImpl,
    Lit, LitInt, LitStr, Meta, PathArguments, Result, ReturnType, Token, Type,
};

/// What stands in the parentheses of `#[actor(…)]`.
pub(crate) struct Arguments {
    name: LitStr,
    state: Option<Type>,
    exit_codes: Option<Expr>,
    events: Option<Expr>,
    unrestricted: bool,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut state, mut exit_codes, mut events) = (None, None, None, None);
        let mut unrestricted = false;
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            if key == "unrestricted" {
                unrestricted = true;
            } else {
                input.parse::<Token![=]>()?;
                match key.to_string().as_str() {
                    "name" => name = Some(input.parse()?),
                    "state" => state = Some(input.parse()?),
                    "exit_codes" => exit_codes = Some(input.parse()?),
                    "events" => events = Some(input.parse()?),
                    _ => {
                        return Err(Error::new(
                            key.span(),
                            "expected name, state, exit_codes, events or unrestricted",
                        ));
                    }
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let name = name.ok_or_else(|| input.error("an actor needs a name: name = \"…\""))?;
        Ok(Self {
            name,
            state,
            exit_codes,
            events,
            unrestricted,
        })
    }
}

/// One function of the block.
struct Method {
    ident: Ident,
    doc: String,
    /// Numbers with the names they go by.
    numbers: Vec<(u64, String)>,
    raw: bool,
    params: Option<Type>,
    returns: Type,
}

#[derive(Default)]
struct MethodArguments {
    number: Option<u64>,
    exported: bool,
    exported_name: Option<String>,
    raw: bool,
}

impl Parse for MethodArguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut found = Self::default();
        while !input.is_empty() {
            if input.peek(LitInt) {
                found.number = Some(input.parse::<LitInt>()?.base10_parse()?);
            } else {
                let key: Ident = input.parse()?;
                match key.to_string().as_str() {
                    "exported" => {
                        found.exported = true;
                        if input.peek(Token![=]) {
                            input.parse::<Token![=]>()?;
                            found.exported_name = Some(input.parse::<LitStr>()?.value());
                        }
                    }
                    "raw" => found.raw = true,
                    _ => return Err(Error::new(key.span(), "expected a number, exported or raw")),
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if found.number.is_none() && !found.exported {
            return Err(input.error("a method needs a number or `exported`"));
        }
        Ok(found)
    }
}

pub(crate) fn expand(arguments: Arguments, mut item: ItemImpl) -> Result<TokenStream> {
    let actor_doc = first_sentence(&item.attrs);
    let mut methods = Vec::new();
    let mut fallback = None;
    let mut upgrade = None;
    for function in item.items.iter_mut() {
        let ImplItem::Fn(function) = function else {
            continue;
        };
        let ident = function.sig.ident.clone();
        if take_attribute(function, "fallback").is_some() {
            fallback = Some((ident, returned_type(function)?));
        } else if take_attribute(function, "upgrade").is_some() {
            upgrade = Some((ident, returned_type(function)?));
        } else if let Some(attribute) = take_attribute(function, "method") {
            methods.push(method(function, attribute.parse_args()?)?);
        } else {
            return Err(Error::new_spanned(
                &function.sig.ident,
                "a function of an actor needs #[method(…)], #[fallback] or #[upgrade]; helpers go into an impl block of their own",
            ));
        }
    }
    no_number_twice(&methods)?;

    let Arguments {
        name,
        state,
        exit_codes,
        events,
        unrestricted,
    } = arguments;
    let actor = &item.self_ty;
    let gate = (!unrestricted).then(|| quote!(::boatyard_sdk::dispatch::gate(rt, method)?;));
    let arms = methods.iter().map(dispatch_arm);
    let otherwise = match &fallback {
        Some((ident, returns)) => {
            let value = into_block(returns, quote!(Self::#ident(rt, method, params)?));
            quote! { let returned = #value; }
        }
        None => quote!(return Err(::boatyard_sdk::dispatch::unknown(method));),
    };
    let otherwise = match &fallback {
        Some(_) => quote! {{
            #otherwise
            ::boatyard_sdk::dispatch::finished(rt)?;
            ::boatyard_sdk::dispatch::Return::into_block(returned)
        }},
        None => quote! {{ #otherwise }},
    };
    let upgrade = upgrade.map(|(ident, returns)| {
        let value = into_block(&returns, quote!(Self::#ident(rt, old_code, params)?));
        quote! {
            fn upgrade<RT: ::boatyard_sdk::Runtime>(
                rt: &RT,
                old_code: ::boatyard_sdk::reexports::cid::Cid,
                params: Option<::boatyard_sdk::reexports::fvm_ipld_encoding::ipld_block::IpldBlock>,
            ) -> Result<
                Option<::boatyard_sdk::reexports::fvm_ipld_encoding::ipld_block::IpldBlock>,
                ::boatyard_sdk::ActorError,
            > {
                let returned = #value;
                ::boatyard_sdk::dispatch::finished(rt)?;
                ::boatyard_sdk::dispatch::Return::into_block(returned)
            }
        }
    });
    let descriptions = methods.iter().flat_map(description);
    let state = state.map_or_else(
        || quote!(::boatyard_sdk::Schema::Nothing),
        |state| quote!(<#state as ::boatyard_sdk::AbiType>::SCHEMA),
    );
    let exit_codes = exit_codes.map_or_else(|| quote!(&[]), |codes| quote!(#codes));
    let events = events.map_or_else(|| quote!(&[]), |events| quote!(#events));

    Ok(quote! {
        #item

        impl ::boatyard_sdk::Actor for #actor {
            const ABI: ::boatyard_sdk::ActorAbi = ::boatyard_sdk::ActorAbi {
                name: #name,
                doc: #actor_doc,
                methods: &[#(#descriptions),*],
                state: #state,
                exit_codes: #exit_codes,
                events: #events,
            };

            fn invoke<RT: ::boatyard_sdk::Runtime>(
                rt: &RT,
                method: ::boatyard_sdk::reexports::fvm_shared::MethodNum,
                params: Option<::boatyard_sdk::reexports::fvm_ipld_encoding::ipld_block::IpldBlock>,
            ) -> Result<
                Option<::boatyard_sdk::reexports::fvm_ipld_encoding::ipld_block::IpldBlock>,
                ::boatyard_sdk::ActorError,
            > {
                #gate
                match method {
                    #(#arms)*
                    _ => #otherwise
                }
            }

            #upgrade
        }
    })
}

fn dispatch_arm(method: &Method) -> TokenStream {
    let Method {
        ident,
        numbers,
        raw,
        params,
        returns,
        ..
    } = method;
    let numbers = numbers.iter().map(|(number, _)| quote!(#number));
    let call = match params {
        Some(_) if *raw => quote!(Self::#ident(rt, params)?),
        Some(_) => quote!(Self::#ident(rt, ::boatyard_sdk::dispatch::params(params)?)?),
        None => quote! {{
            ::boatyard_sdk::dispatch::no_params(params)?;
            Self::#ident(rt)?
        }},
    };
    let value = into_block(returns, call);
    quote! {
        #(#numbers)|* => {
            let returned = #value;
            ::boatyard_sdk::dispatch::finished(rt)?;
            ::boatyard_sdk::dispatch::Return::into_block(returned)
        }
    }
}

/// Wraps a method's result so that it knows how to become a block.
fn into_block(returns: &Type, value: TokenStream) -> TokenStream {
    if is_unit(returns) || is_block(returns) {
        value
    } else {
        quote_spanned!(returns.span() => ::boatyard_sdk::dispatch::Value(#value))
    }
}

fn description(method: &Method) -> Vec<TokenStream> {
    let Method {
        doc,
        numbers,
        raw,
        params,
        returns,
        ..
    } = method;
    let params = match params {
        _ if *raw => quote!(::boatyard_sdk::Schema::Raw),
        Some(kind) => quote!(<#kind as ::boatyard_sdk::AbiType>::SCHEMA),
        None => quote!(::boatyard_sdk::Schema::Nothing),
    };
    let returns = if is_unit(returns) {
        quote!(::boatyard_sdk::Schema::Nothing)
    } else if is_block(returns) {
        quote!(::boatyard_sdk::Schema::Raw)
    } else {
        quote!(<#returns as ::boatyard_sdk::AbiType>::SCHEMA)
    };
    numbers
        .iter()
        .map(|(number, name)| {
            quote! {
                ::boatyard_sdk::abi::MethodAbi {
                    name: #name,
                    number: #number,
                    doc: #doc,
                    params: #params,
                    returns: #returns,
                }
            }
        })
        .collect()
}

fn method(function: &ImplItemFn, arguments: MethodArguments) -> Result<Method> {
    let inputs: Vec<_> = function.sig.inputs.iter().collect();
    let params = match inputs.as_slice() {
        [_] => None,
        [_, FnArg::Typed(params)] => Some((*params.ty).clone()),
        _ => {
            return Err(Error::new_spanned(
                &function.sig,
                "a method takes `rt: &impl Runtime` and at most one value of parameters",
            ));
        }
    };
    let name = upper_camel_case(&function.sig.ident.to_string());
    let mut numbers = Vec::new();
    if let Some(number) = arguments.number {
        numbers.push((number, name.clone()));
    }
    if arguments.exported {
        let name = arguments.exported_name.unwrap_or(name);
        numbers.push((frc42_number(&name), name));
    }
    Ok(Method {
        ident: function.sig.ident.clone(),
        doc: first_sentence(&function.attrs),
        numbers,
        raw: arguments.raw,
        params,
        returns: returned_type(function)?,
    })
}

fn no_number_twice(methods: &[Method]) -> Result<()> {
    let mut seen = std::collections::BTreeMap::new();
    for method in methods {
        for (number, _) in &method.numbers {
            if let Some(other) = seen.insert(*number, &method.ident) {
                return Err(Error::new_spanned(
                    &method.ident,
                    format!("method number {number} belongs to `{other}` already"),
                ));
            }
        }
    }
    Ok(())
}

/// `T` of `-> Result<T, …>`.
fn returned_type(function: &ImplItemFn) -> Result<Type> {
    if let ReturnType::Type(_, returned) = &function.sig.output
        && let Type::Path(path) = &**returned
        && let Some(last) = path.path.segments.last()
        && last.ident == "Result"
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(value)) = arguments.args.first()
    {
        return Ok(value.clone());
    }
    Err(Error::new_spanned(
        &function.sig,
        "a method returns `Result<T, ActorError>`",
    ))
}

fn is_unit(kind: &Type) -> bool {
    matches!(kind, Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn is_block(kind: &Type) -> bool {
    let Type::Path(path) = kind else { return false };
    let Some(last) = path.path.segments.last() else {
        return false;
    };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return false;
    };
    last.ident == "Option"
        && matches!(
            arguments.args.first(),
            Some(GenericArgument::Type(Type::Path(inner)))
                if inner.path.segments.last().is_some_and(|s| s.ident == "IpldBlock")
        )
}

fn take_attribute(function: &mut ImplItemFn, name: &str) -> Option<Attribute> {
    let position = function
        .attrs
        .iter()
        .position(|attribute| attribute.path().is_ident(name))?;
    Some(function.attrs.remove(position))
}

fn first_sentence(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
    {
        let Meta::NameValue(meta) = &attribute.meta else {
            continue;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(line),
            ..
        }) = &meta.value
        else {
            continue;
        };
        let line = line.value();
        if line.trim().is_empty() {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line.trim());
    }
    match text.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => text,
    }
}

fn upper_camel_case(snake: &str) -> String {
    snake
        .split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        })
        .collect()
}

/// Same rule as `boatyard_sdk::method_number`, applied while compiling.
fn frc42_number(name: &str) -> u64 {
    if name == "Constructor" {
        return 1;
    }
    let digest = blake2b_simd::blake2b(format!("1|{name}").as_bytes());
    digest
        .as_bytes()
        .chunks_exact(4)
        .map(|word| u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]])))
        .find(|number| *number >= 1 << 24)
        .expect("sixteen words below 2^24 in one digest do not occur")
}
