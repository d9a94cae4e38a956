"""Field -> tetrahedral grid -> refined surface -> clean triangles -> UV atlas."""
