# Reads the folder of a population with R: who is overdue for an LVEF, by hospital.
#   Rscript examples/populations/read.R hospital
suppressPackageStartupMessages({ library(arrow); library(dplyr) })
folder <- commandArgs(trailingOnly = TRUE)[1]
open_dataset(file.path(folder, "findings")) |>
  filter(outcome == "echo_status", value == "overdue") |>
  select(hospital, patient) |> collect() |>
  distinct() |> count(hospital) |> arrange(hospital) |>
  write.csv(row.names = FALSE, quote = FALSE)
