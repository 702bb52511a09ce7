// A certified OpenID client (openid-client) against the running server: discovery, code with PKCE, userinfo,
// refresh, introspection, revocation, and client credentials with a secret and with a signed assertion.
// Arguments: one JSON object. Prints one JSON object of what each step gave.
import * as client from 'openid-client'

const given = JSON.parse(process.argv[2])
const insecure = { execute: [client.allowInsecureRequests] }
const steps = {}

// A person's browser: keeps cookies, follows redirects inside the server, fills in forms.
const cookies = new Map()
async function browse(url, form) {
  const answer = await fetch(url, {
    method: form ? 'POST' : 'GET',
    redirect: 'manual',
    headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    body: form && new URLSearchParams(form),
  })
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
    cookies.set(name, value)
  }
  const to = answer.headers.get('location')
  if (to === null) return { url, page: await answer.text(), status: answer.status }
  const next = new URL(to, url)
  return next.origin === new URL(url).origin ? browse(next.href) : { url: next.href }
}

const unescape = (text) => text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#x27;', "'")
function formOn(page, action) {
  const form = new RegExp(`<form[^>]*action="${action}"[^>]*>(.*?)</form>`, 's').exec(page)[1]
  const fields = {}
  for (const [, attributes] of form.matchAll(/<input ([^>]*)>/g)) {
    const value = Object.fromEntries([...attributes.matchAll(/(\w+)="([^"]*)"/g)].map(([, n, v]) => [n, unescape(v)]))
    fields[value.name] = value.value ?? ''
  }
  return fields
}

// Discovery, then a code: log in, consent, and back at the client.
const config = await client.discovery(
  new URL(given.issuer), given.client_id, undefined, client.ClientSecretBasic(given.client_secret), insecure)
steps.discovery = { issuer: config.serverMetadata().issuer, pkce: config.serverMetadata().supportsPKCE() }

const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
const asked = client.buildAuthorizationUrl(config, {
  redirect_uri: given.redirect_uri,
  scope: 'openid profile email catalog:read',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
})
const login = await browse(asked.href)
const consent = await browse(new URL('/auth/login', given.issuer).href,
  { ...formOn(login.page, '/auth/login'), email: given.email, password: given.password })
const back = await browse(new URL('/oauth/authorize', given.issuer).href,
  { ...formOn(consent.page, '/oauth/authorize'), decision: 'allow' })
const tokens = await client.authorizationCodeGrant(config, new URL(back.url), {
  pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
})
steps.code = { scope: tokens.scope, expires_in: tokens.expires_in, claims: tokens.claims() }
steps.userinfo = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)

async function ask(token) {
  const answer = await fetch(new URL('/graphql', given.issuer), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ releases(first: 1) { nodes { id } } }' }),
  })
  return answer.status
}
steps.asked = await ask(tokens.access_token)

const renewed = await client.refreshTokenGrant(config, tokens.refresh_token)
steps.refresh = {
  rotated: renewed.refresh_token !== tokens.refresh_token, scope: renewed.scope, asked: await ask(renewed.access_token),
}

steps.introspection = {
  access: await client.tokenIntrospection(config, renewed.access_token),
  refresh: await client.tokenIntrospection(config, renewed.refresh_token),
  spent: await client.tokenIntrospection(config, tokens.refresh_token),
}
await client.tokenRevocation(config, renewed.refresh_token)
steps.revocation = {
  access: await client.tokenIntrospection(config, renewed.access_token),
  refresh: await client.tokenIntrospection(config, renewed.refresh_token),
  renewal: await client.refreshTokenGrant(config, renewed.refresh_token).then(() => 'granted', (error) => error.error),
}
for (steps.asked_after = 200; steps.asked_after === 200;) steps.asked_after = await ask(renewed.access_token)

// For itself, with a secret and with a signed assertion.
const own = await client.clientCredentialsGrant(config, { scope: 'catalog:read' })
steps.client_credentials = { scope: own.scope, asked: await ask(own.access_token) }

const key = await crypto.subtle.importKey('jwk', given.private_jwk, 'Ed25519', false, ['sign'])
const signing = await client.discovery(
  new URL(given.issuer), given.assertion_client_id, undefined, client.PrivateKeyJwt(key), insecure)
const signed = await client.clientCredentialsGrant(signing)
steps.private_key_jwt = { scope: signed.scope, asked: await ask(signed.access_token) }

console.log(JSON.stringify(steps))
