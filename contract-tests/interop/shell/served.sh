# For a peer's `run` that reads the document from files: brings it here as it is served, in both spellings.

served() {
    for name in openapi.json openapi.yaml; do
        python -c 'import sys, urllib.request; urllib.request.urlretrieve(*sys.argv[1:])' "$BASE_URL/$name" "$name" || return 1
    done
}
