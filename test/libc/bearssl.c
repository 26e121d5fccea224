/* SPDX-License-Identifier: ISC */
#include "test.h"
#include <bearssl.h>
#include <stdbool.h>
#include <string.h>

static bool is(const void *data, size_t len, const char *hex)
{
    char text[129];

    for (size_t i = 0; i < len; i++)
        sprintf(text + 2 * i, "%02x", ((const unsigned char *)data)[i]);
    if (strcmp(text, hex) == 0)
        return true;
    printf("%s is not %s\n", text, hex);
    return false;
}

static void sha256(void)
{
    br_sha256_context c;
    unsigned char sum[32];
    char as[1000];

    br_sha256_init(&c);
    br_sha256_update(&c, "abc", 3);
    br_sha256_out(&c, sum);
    EXPECT(is(sum, 32, "ba7816bf8f01cfea414140de5dae2223b00361a3"
                       "96177a9cb410ff61f20015ad"));
    memset(as, 'a', sizeof as);
    br_sha256_init(&c);
    for (int i = 0; i < 1000; i++)
        br_sha256_update(&c, as, sizeof as);
    br_sha256_out(&c, sum);
    EXPECT(is(sum, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48"
                       "a497200e046d39ccc7112cd0"));
}

/* The first test case with a text in the specification of GCM: all zero. */
static void gcm(const br_block_ctr_class *aes, const char *name, void *keys,
                br_ghash ghash)
{
    unsigned char key[16] = {0}, nonce[12] = {0}, text[16] = {0}, tag[16];
    br_gcm_context c;

    printf("%s\n", name);
    aes->init((const br_block_ctr_class **)keys, key, sizeof key);
    br_gcm_init(&c, keys, ghash);
    br_gcm_reset(&c, nonce, sizeof nonce);
    br_gcm_flip(&c);
    br_gcm_run(&c, 1, text, sizeof text);
    br_gcm_get_tag(&c, tag);
    EXPECT(is(text, 16, "0388dace60b6a392f328c2b971b2fe78"));
    EXPECT(is(tag, 16, "ab6e47d42cec13bdf53a67b21257bddf"));
    br_gcm_reset(&c, nonce, sizeof nonce);
    br_gcm_flip(&c);
    br_gcm_run(&c, 0, text, sizeof text);
    EXPECT(is(text, 16, "00000000000000000000000000000000"));
    EXPECT(br_gcm_check_tag(&c, tag));
    tag[3] ^= 1;
    EXPECT(!br_gcm_check_tag(&c, tag));
}

/* Generates keys on P-256; makes and verifies a signature. */
static void ecdsa(void)
{
    unsigned char seed[32], secret[64], open[128];
    unsigned char hash[32] = {1}, sig[80];
    br_hmac_drbg_context random;
    br_ec_private_key private;
    br_ec_public_key public;
    const br_ec_impl *ec = br_ec_get_default();
    br_prng_seeder seeder = br_prng_seeder_system(NULL);
    size_t len;

    memset(seed, 7, sizeof seed);
    br_hmac_drbg_init(&random, &br_sha256_vtable, seed, sizeof seed);
    EXPECT(seeder != NULL && seeder(&random.vtable));
    EXPECT(br_ec_keygen(&random.vtable, ec, &private, secret, BR_EC_secp256r1));
    EXPECT(br_ec_compute_pub(ec, &public, open, &private));
    len = br_ecdsa_sign_asn1_get_default()(ec, &br_sha256_vtable, hash,
                                           &private, sig);
    EXPECT(len > 60);
    EXPECT(br_ecdsa_vrfy_asn1_get_default()(ec, hash, 32, &public, sig, len));
    hash[9] = 1;
    EXPECT(!br_ecdsa_vrfy_asn1_get_default()(ec, hash, 32, &public, sig, len));
}

/* Makes the first message of a TLS client, which links most of the library. */
static void client(void)
{
    static unsigned char buffer[BR_SSL_BUFSIZE_BIDI];
    br_ssl_client_context c;
    br_x509_minimal_context x509;
    size_t len;
    unsigned char *record;

    br_ssl_client_init_full(&c, &x509, NULL, 0);
    br_ssl_engine_set_buffer(&c.eng, buffer, sizeof buffer, 1);
    EXPECT(br_ssl_client_reset(&c, "example.org", 0));
    EXPECT(br_ssl_engine_current_state(&c.eng) & BR_SSL_SENDREC);
    record = br_ssl_engine_sendrec_buf(&c.eng, &len);
    EXPECT(len > 100 && record[0] == 22 && record[5] == 1);
}

int main(void)
{
    static br_aes_big_ctr_keys big;
    static br_aes_ct64_ctr_keys ct64;
    static br_aes_x86ni_ctr_keys x86ni;
    const br_block_ctr_class *const fast = br_aes_x86ni_ctr_get_vtable();

    sha256();
    gcm(&br_aes_big_ctr_vtable, "aes_big", &big, br_ghash_ctmul64);
    gcm(&br_aes_ct64_ctr_vtable, "aes_ct64", &ct64, br_ghash_ctmul);
    if (fast != NULL && br_ghash_pclmul_get() != NULL)
        gcm(fast, "aes_x86ni", &x86ni, br_ghash_pclmul_get());
    ecdsa();
    client();
    return CONCLUDE();
}
