-- depends_on: {{ ref("int_publications_planned") }}
select
    product_key,
    prod_name,
    vol,
    wgt,
    brand_name,
    status_code,
    status_code_name,
    category_key,
    category_name,
    subcategory_key,
    subcategory_name
from {{ ref("int_product_completed") }}
